import type { FunctionText } from "./function-text.ts";

/**
 * What WGSL leaves open about numbers. Its compilers may assume that there are neither NaN nor infinities, and some do:
 * `x != x` becomes false, `!(a < b)` becomes `a >= b`, and `a < b ? a : b` a minimum that swallows NaN. Tests of bits
 * are safe.
 */
export const numberFunctions: Readonly<Record<string, FunctionText>> = {
  isNumber: {
    text: `
fn $isNumber(x: F) -> B {
  return (bitcast<U>(x) & U(0x7fffffffu)) <= U(0x7f800000u);
}
`,
  },
  areNumbers: {
    text: `
fn $areNumbers(a: F, b: F) -> B {
  let larger = max(bitcast<U>(a) & U(0x7fffffffu), bitcast<U>(b) & U(0x7fffffffu));
  return larger <= U(0x7f800000u);
}
`,
  },
  isFinite: {
    text: `
fn $isFinite(x: F) -> B {
  return (bitcast<U>(x) & U(0x7f800000u)) != U(0x7f800000u);
}
`,
  },
  // The value itself, of which a compiler knows nothing: it cannot cancel it against another.
  opaque: {
    text: `
fn $opaque(x: F) -> F {
  return bitcast<F>(bitcast<U>(x) | U(guardBits));
}
`,
  },
  // Another one, so that what is subtracted and added again is not the same value to the compiler.
  obscure: {
    text: `
fn $obscure(x: F) -> F {
  return bitcast<F>(bitcast<U>(x) ^ U(guardBits));
}
`,
  },
  // As the device's arithmetic takes it: a subnormal number may count as 0. A known 1 would vanish.
  taken: {
    text: `
fn $taken(x: F) -> F {
  return x * F(bitcast<f32>(0x3f800000u | guardBits));
}
`,
  },
  // For values that a compiler may know to be 0, so that they do not vanish from sums and products.
  hidden: {
    text: `
fn $hidden(x: F) -> F {
  return bitcast<F>(bitcast<U>(x) | U(zeroBits));
}
`,
  },
  notANumber: {
    text: `
fn $notANumber() -> F {
  return bitcast<F>(U(zeroBits | 0x7fc00000u));
}
`,
  },
  // The sign bit of y on the rest of x.
  copySign: {
    text: `
fn $copySign(x: F, y: F) -> F {
  return bitcast<F>((bitcast<U>(x) & U(0x7fffffffu)) | (bitcast<U>(y) & U(0x80000000u)));
}
`,
  },
  sign: {
    text: `
fn $sign(x: F) -> F {
  let bits = bitcast<U>(x);
  let one = bitcast<F>((bits & U(0x80000000u)) | U(0x3f800000u));
  // Zeros and NaN stay what they are.
  return select(x, one, ((bits & U(0x7fffffffu)) - U(1u)) < U(0x7f800000u));
}
`,
  },
  less: {
    text: `
fn $less(a: F, b: F) -> B {
  return (a < b) & $areNumbers(a, b);
}
`,
  },
  lessEqual: {
    text: `
fn $lessEqual(a: F, b: F) -> B {
  return (a <= b) & $areNumbers(a, b);
}
`,
  },
  equal: {
    text: `
fn $equal(a: F, b: F) -> B {
  return (a == b) & $areNumbers(a, b);
}
`,
  },
  // Where both are zeros, one without a sign is the larger.
  larger: {
    text: `
fn $larger(a: F, b: F) -> F {
  let most = select(max(a, b), bitcast<F>(bitcast<U>(a) & bitcast<U>(b)), a == b);
  return select($notANumber(), most, $areNumbers(a, b));
}
`,
  },
  smaller: {
    text: `
fn $smaller(a: F, b: F) -> F {
  let least = select(min(a, b), bitcast<F>(bitcast<U>(a) | bitcast<U>(b)), a == b);
  return select($notANumber(), least, $areNumbers(a, b));
}
`,
  },
  // The same where b is a number and at least 0 (and not -0): numbers without a sign are ordered like their bits, before
  // NaN. Of those with a sign only NaN could win from b.
  atLeast: {
    text: `
fn $atLeast(a: F, b: F) -> F {
  let most = max(bitcast<I>(a), bitcast<I>(b));
  return select(bitcast<F>(most), a, bitcast<U>(a) > U(0xff800000u));
}
`,
  },
  // Moved so that, as signed integers, what lies above b comes last, and NaN first.
  atMost: {
    text: `
fn $atMost(a: F, b: F) -> F {
  let first = U(0xff800001u);
  let least = min(bitcast<I>(bitcast<U>(a) - first), bitcast<I>(bitcast<U>(b) - first));
  return bitcast<F>(bitcast<U>(least) + first);
}
`,
  },
  // The same where b is a number below 0.
  atLeastNegative: {
    text: `
fn $atLeastNegative(a: F, b: F) -> F {
  // What lies below b comes last.
  let first = U(0x7f800001u);
  let least = min(bitcast<I>(bitcast<U>(a) - first), bitcast<I>(bitcast<U>(b) - first));
  return bitcast<F>(bitcast<U>(least) + first);
}
`,
  },
  atMostNegative: {
    text: `
fn $atMostNegative(a: F, b: F) -> F {
  let least = max(bitcast<U>(a), bitcast<U>(b));
  return select(bitcast<F>(least), a, bitcast<I>(a) > I(0x7f800000));
}
`,
  },
  // The same where b has no sign, unless it is NaN.
  largerThanPositive: {
    text: `
fn $largerThanPositive(a: F, b: F) -> F {
  let size = max(bitcast<I>(a) & I(0x7fffffff), bitcast<I>(b) & I(0x7fffffff));
  let most = max(bitcast<I>(a), bitcast<I>(b));
  return bitcast<F>(select(most, size, size > I(0x7f800000)));
}
`,
  },
  // The same where neither has a sign, unless it is NaN.
  largerPositive: {
    text: `
fn $largerPositive(a: F, b: F) -> F {
  return bitcast<F>(max(bitcast<U>(a), bitcast<U>(b)));
}
`,
  },
  // As in atMost.
  smallerPositive: {
    text: `
fn $smallerPositive(a: F, b: F) -> F {
  let first = U(0xff800001u);
  let least = min(bitcast<I>(bitcast<U>(a) - first), bitcast<I>(bitcast<U>(b) - first));
  return bitcast<F>(bitcast<U>(least) + first);
}
`,
  },
  lessPositive: {
    text: `
fn $lessPositive(a: F, b: F) -> B {
  return (bitcast<U>(a) < bitcast<U>(b)) & (bitcast<U>(b) <= U(0x7f800000u));
}
`,
  },
  lessEqualPositive: {
    text: `
fn $lessEqualPositive(a: F, b: F) -> B {
  return (bitcast<U>(a) <= bitcast<U>(b)) & (bitcast<U>(b) <= U(0x7f800000u));
}
`,
  },
  isZero: {
    text: `
fn $isZero(x: F) -> B {
  return (bitcast<U>(x) & U(0x7fffffffu)) == U(0u);
}
`,
  },
  toInt: {
    text: `
fn $toInt(x: F) -> I {
  // The largest float below 2^31; what lies beyond is told apart afterwards.
  let whole = I(clamp(x, F(-2147483648.0), F(2147483520.0)));
  return select(I(0), select(whole, I(2147483647), x >= F(2147483648.0)), $isNumber(x));
}
`,
  },
  toUint: {
    text: `
fn $toUint(x: F) -> U {
  let whole = U(clamp(x, F(0.0), F(4294967040.0)));
  return select(U(0u), select(whole, U(0xffffffffu), x >= F(4294967296.0)), $isNumber(x));
}
`,
  },
  // Not every device rounds the upper half of the range right. Of its half the last bit is kept, so that no tie comes up.
  uintToFloat: {
    text: `
fn $uintToFloat(x: U) -> F {
  let half = F(bitcast<I>((x >> U(1u)) | (x & U(1u))));
  return select(F(bitcast<I>(x)), half + half, x >= U(0x80000000u));
}
`,
  },
  // To the nearest number of 8 bits, halves to even.
  toBFloat16: {
    text: `
fn $toBFloat16(x: F) -> F {
  let bits = bitcast<U>(x);
  let rounded = (bits + U(0x7fffu) + ((bits >> U(16u)) & U(1u))) & U(0xffff0000u);
  return bitcast<F>(select((bits | U(0x400000u)) & U(0xffff0000u), rounded, $isNumber(x)));
}
`,
  },
  // The conversion to float32 must not round to a tie: what it would lose is kept as one bit.
  uintToBFloat16: {
    text: `
fn $uintToBFloat16(x: U) -> F {
  let sticky = (x & U(0xffffff00u)) | select(U(0u), U(0x100u), (x & U(0xffu)) != U(0u));
  return $toBFloat16(F(select(x, sticky, x >= U(0x1000000u))));
}
`,
  },
  intToBFloat16: {
    text: `
fn $intToBFloat16(x: I) -> F {
  let size = $uintToBFloat16(bitcast<U>(abs(x)));
  return select(size, -size, x < I(0));
}
`,
  },
  // The definition's x - y trunc(x / y) is wrong where x / y rounds: here in whole numbers, 8 bits at a time.
  remainder: {
    each: { from: ["F", "F"], to: "F" },
    text: `
fn $remainder(x: F, y: F) -> F {
  let a = bitcast<u32>(x) & 0x7fffffffu;
  let b = bitcast<u32>(y) & 0x7fffffffu;
  if (a >= 0x7f800000u || b > 0x7f800000u || b == 0u) {
    return bitcast<f32>(zeroBits | 0x7fc00000u);
  }
  if (a < b) {
    return x;
  }
  let exponentA = max(a >> 23u, 1u);
  let exponentB = max(b >> 23u, 1u);
  var rest = select(a & 0x7fffffu, (a & 0x7fffffu) | 0x800000u, a >= 0x800000u);
  let divisor = select(b & 0x7fffffu, (b & 0x7fffffu) | 0x800000u, b >= 0x800000u);
  rest %= divisor;
  var left = exponentA - exponentB;
  while (left > 0u && rest != 0u) {
    let step = min(left, 8u);
    rest = (rest << step) % divisor;
    left -= step;
  }
  // rest 2^(exponentB - 150) is exact: normalize, or leave it subnormal.
  var exponent = exponentB;
  let room = countLeadingZeros(rest | 1u) - 8u;
  let shift = min(room, exponent - 1u);
  rest = rest << shift;
  exponent -= shift;
  let bits = select(rest, (rest & 0x7fffffu) | (exponent << 23u), rest >= 0x800000u);
  return bitcast<f32>(bits | (bitcast<u32>(x) & 0x80000000u));
}
`,
  },
};
