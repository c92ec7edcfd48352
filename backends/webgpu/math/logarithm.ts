import type { FunctionText } from "../function-text.ts";
import { ln2 } from "./exponential.ts";
import { constant, polynomial } from "./polynomial.ts";

/** (2 atanh(s) / s - 2) / s^2 as a polynomial in s^2, |s| <= 0.1716; minimax. */
const logarithm = [
  0.6666666269302368,
  0.40000972151756287,
  0.2849879264831543,
  0.24278861284255981,
];

/** log and log1p. */
export const logarithmFunctions: Readonly<Record<string, FunctionText>> = {
  // n ln 2 + log(1 + f) + c, with c far smaller than f. With s = f / (2 + f) and h = f^2 / 2,
  // log(1 + f) = f - h + s (h + R(s^2)).
  logarithmSum: {
    text: `
fn $logarithmSum(n: F, f: F, c: F) -> F {
  let s = f / (f + F(2.0));
  let z = s * s;
  let h = (f * f) * F(0.5);
  let R = z * ${polynomial("z", logarithm)};
  let low = (s * (h + R) + n * ${constant(ln2[1])}) + c;
  return (f - (h - low)) + n * ${constant(ln2[0])};
}
`,
  },
  log: {
    text: `
fn $log(x: F) -> F {
  let bits = bitcast<U>(x);
  // A subnormal number is its bits times 2^-149: devices that flush such numbers still convert integers.
  let tiny = bits < U(0x800000u);
  let normal = select(bits, bitcast<U>(F(bits)), tiny);
  // Significands lie between sqrt(1/2), whose bits these are, and its double.
  let whole = bitcast<I>(normal - U(0x3f3504f3u)) >> U(23u);
  let f = bitcast<F>(normal - (bitcast<U>(whole) << U(23u))) - F(1.0);
  let n = F(whole) - select(F(0.0), F(149.0), tiny);
  let y = $logarithmSum(n, f, F(0.0));
  // Infinity and NaN are their own logarithms.
  let upper = select(x, y, bits < U(0x7f800000u));
  let known = select(upper, $notANumber(), (bits > U(0x80000000u)) & (bits <= U(0xff800000u)));
  let isZero = (bits & U(0x7fffffffu)) == U(0u);
  return select(known, bitcast<F>(U(zeroBits | 0xff800000u)), isZero);
}
`,
  },
  log1p: {
    text: `
fn $log1p(x: F) -> F {
  let bits = bitcast<U>(x);
  // Compilers know that (x + 1) - 1 is x, which it is not.
  let u = $opaque(x + F(1.0));
  let rounded = bitcast<U>(u);
  let whole = bitcast<I>(rounded - U(0x3f3504f3u)) >> U(23u);
  // What was rounded away in u, relative to it: of the smaller summand.
  let back = $opaque(u - F(1.0));
  let lost = select(x - back, F(1.0) - (u - x), abs(x) > F(1.0));
  let isOne = whole == I(0);
  let f = select(bitcast<F>(rounded - (bitcast<U>(whole) << U(23u))) - F(1.0), x, isOne);
  let c = select(lost / u, F(0.0), isOne | (u > F(1.0e9)));
  let y = $logarithmSum(F(whole), f, c);
  let upper = select(x, y, $isFinite(x));
  let below = (bits > U(0xbf800000u)) & (bits <= U(0xff800000u));
  let known = select(upper, $notANumber(), below);
  let known2 = select(known, bitcast<F>(U(zeroBits | 0xff800000u)), bits == U(0xbf800000u));
  // Near 0 it is x, and at -0 the sum of opposite zeros would lose the sign.
  return select(known2, x, (bits & U(0x7fffffffu)) < U(0x33000000u));
}
`,
  },
};
