import type { FunctionText } from "../function-text.ts";
import { constant } from "./polynomial.ts";

/** cbrt and rcbrt. */
export const cubeRootFunctions: Readonly<Record<string, FunctionText>> = {
  // Within 4 %: a third of the bits taken from a constant. Then one step of fourth order: with h = 1 - x z^3,
  // (1 - h)^(-1/3) = 1 + h/3 + 2 h^2 / 9 + 14 h^3 / 81 + ...
  roughReciprocal: {
    text: `
fn $roughReciprocal(size: F) -> F {
  let start = bitcast<F>(U(0x54a2fa8cu) - (bitcast<U>(size) >> U(16u)) * U(21845u));
  let h = F(1.0) - (size * start) * (start * start);
  let series = (h * ${constant(14 / 81)} + ${constant(2 / 9)}) * h + ${constant(1 / 3)};
  return start + start * (h * series);
}
`,
  },
  // From z near |x|^(-1/3) one step of Newton on y = x z^2: y - (y^3 - x) / (3 y^2), without division.
  cubeRoot: {
    text: `
fn $cubeRoot(x: F) -> F {
  let z = $roughReciprocal(abs(x));
  let z2 = z * z;
  let y = x * z2;
  return y - ((y * y * y - x) * z2) * ${constant(1 / 3)};
}
`,
  },
  reciprocalCubeRoot: {
    text: `
fn $reciprocalCubeRoot(size: F) -> F {
  let z = $roughReciprocal(size);
  let h = F(1.0) - (size * z) * (z * z);
  return z + z * (h * ${constant(1 / 3)});
}
`,
  },
  // From 2^-100 to 2^124 no step of it is subnormal or overflows.
  cbrt: {
    text: `
fn $cbrt(x: F) -> F {
  let bits = bitcast<U>(x) & U(0x7fffffffu);
  let root = $cubeRoot(x);
  let usual = (bits - U(0x0d800000u)) < U(0x70000000u);
  if (all(usual)) {
    return root;
  }
  let tiny = bits < U(0x0d800000u);
  let there = select(${constant(2 ** -48)}, ${constant(2 ** 48)}, tiny);
  let back = select(${constant(2 ** 16)}, ${constant(2 ** -16)}, tiny);
  let any = select($cubeRoot(x * there) * back, root, usual);
  // Zeros, infinities and NaN are their own roots.
  return select(x, any, (bits - U(1u)) < U(0x7f7fffffu));
}
`,
  },
  rcbrt: {
    text: `
fn $rcbrt(x: F) -> F {
  let bits = bitcast<U>(x) & U(0x7fffffffu);
  let root = $reciprocalCubeRoot(abs(x));
  let usual = (bits - U(0x800000u)) < U(0x7f000000u);
  if (all(usual)) {
    return $copySign(root, x);
  }
  // A subnormal number is its bits times 2^-149: devices that flush such numbers still convert integers.
  let tiny = $reciprocalCubeRoot(F(bits) * F(2.0)) * ${constant(2 ** 50)};
  let atEnds = select(select(F(0.0), tiny, bits < U(0x800000u)), bitcast<F>(U(zeroBits | 0x7f800000u)), bits == U(0u));
  return select(x, $copySign(select(atEnds, root, usual), x), $isNumber(x));
}
`,
  },
};
