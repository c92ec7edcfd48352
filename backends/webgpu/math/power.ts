import type { FunctionText } from "../function-text.ts";
import { constant, polynomial } from "./polynomial.ts";

/** (2 atanh(s) / s - 2) / s^2 as a polynomial in s^2 <= 0.0296 (Chebyshev nodes): relative error of the logarithm 2^-35. */
const logarithm = [
  0.6666666655196362,
  0.4000012390612791,
  0.28550587037782965,
  0.23336811002603353,
];

/** (2^r - 1) / r on |r| <= 1/2 (Chebyshev nodes); error 2^-27. */
const powerOfTwo = [
  0.6931471881163489,
  0.24022650761348427,
  0.05550356682386506,
  0.00961808218339357,
  0.0013391093247241113,
  0.0001545336197402501,
];

/** 1 / ln 2, and its upper 12 bits. */
const log2e = Math.LOG2E;
const upper = Math.floor(log2e * 2 ** 11) / 2 ** 11;

/** pow. */
export const powerFunctions: Readonly<Record<string, FunctionText>> = {
  // The upper 12 bits of a significand: products of two such numbers are exact.
  upperHalf: {
    text: `
fn $upperHalf(x: F) -> F {
  return bitcast<F>(bitcast<U>(x) & U(0xfffff000u));
}
`,
  },
  // 2^(y log2(x)), the logarithm as a sum of two floats.
  pow: {
    text: `
fn $pow(x: F, y: F) -> F {
  let bits = bitcast<U>(x) & U(0x7fffffffu);
  let tiny = bits < U(0x800000u);
  let normal = select(bits, bitcast<U>(F(bits)), tiny);
  let whole = bitcast<I>(normal - U(0x3f3504f3u)) >> U(23u);
  let m = bitcast<F>(normal - (bitcast<U>(whole) << U(23u)));
  let n = F(whole) - select(F(0.0), F(149.0), tiny);

  // s = (m - 1) / (m + 1) as s1 + s2, and log(m) = 2 s + s^3 P(s^2).
  let f = m - F(1.0);
  let t = m + F(1.0);
  let t1 = $upperHalf(t);
  let t2 = m - (t1 - F(1.0));
  let s1 = $upperHalf(f / t);
  let s2 = ((f - s1 * t1) - s1 * t2) / t;
  let s = s1 + s2;
  let z = s * s;
  let rest = (s2 + s2) + (s * z) * ${polynomial("z", logarithm)};
  let log1 = $upperHalf((s1 + s1) + rest);
  let log2 = rest - (log1 - (s1 + s1));

  // log2(x) = n + log(m) / ln(2) as a1 + a2.
  let b1 = log1 * ${constant(upper)};
  let b2 = log1 * ${constant(log2e - upper)} + log2 * ${constant(log2e)};
  let a1 = $upperHalf((b1 + b2) + n);
  let a2 = b2 - ((a1 - n) - b1);

  // Beyond that every power but that of 1 is 0 or infinite.
  let bounded = clamp(y, F(-1099511627776.0), F(1099511627776.0));
  let y1 = $upperHalf(bounded);
  let product1 = y1 * a1;
  let product2 = (bounded - y1) * a1 + bounded * a2;
  let exponent = product1 + product2;
  let near = abs(exponent) < F(160.0);
  let k = round(clamp(exponent, F(-160.0), F(160.0)));
  let r = select(F(0.0), (product1 - k) + product2, near);
  let size = $scale(r * ${polynomial("r", powerOfTwo)} + F(1.0), I(k));

  // 0, infinity and their powers; NaN; and the sign.
  let isExtreme = (bits == U(0u)) | (bits >= U(0x7f800000u));
  let goesUp = (bits == U(0u)) == (bounded < F(0.0));
  let extreme = select(F(0.0), bitcast<F>(U(zeroBits | 0x7f800000u)), goesUp);
  let half = bounded * F(0.5);
  let isWhole = trunc(bounded) == bounded;
  let isOdd = isWhole & (trunc(half) != half);
  let negative = (bitcast<U>(x) & U(0x80000000u)) != U(0u);
  let positive = select(size, extreme, isExtreme);
  let signed = bitcast<F>(
    bitcast<U>(positive) | select(U(0u), U(0x80000000u), isOdd & negative),
  );
  let isNumber = $isNumber(x) & $isNumber(y) & (isExtreme | isWhole | !negative);
  let known = select($notANumber(), signed, isNumber);
  let isOne = ((bitcast<U>(y) & U(0x7fffffffu)) == U(0u)) | (bitcast<U>(x) == U(0x3f800000u));
  return select(known, F(1.0), isOne);
}
`,
  },
};
