import type { FunctionText } from "../function-text.ts";
import { constant, polynomial } from "./polynomial.ts";

/** (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2 / 2) / r^4 in r^2, |r| <= pi/4 (Chebyshev nodes): 2^-28, 2^-30. */
const sine = [
  -0.16666666663844049,
  0.008333331870341612,
  -0.0001984008437661824,
  2.7249620105106107e-6,
];
const cosine = [0.0416666646534888, -0.001388830186756284, 0.0000245476897725265];

/** pi/2 in three parts of 11 bits and a rest: products of the parts with numbers up to 2^13 are exact. */
const halfPi = [1.5703125, 0.0004837512969970703, 7.549533620476723e-8, 2.5633440682570896e-12];

const halfPiHigh = Math.fround(Math.PI / 2);

/** sin(x) for shift 0, cos(x) for 1: x = n pi/2 + r + low, |r| <= pi/4. */
const shiftedSine = (name: string, shift: number, atZero: string) => `
fn $${name}(x: F) -> F {
  let n = round(clamp(x, F(-12000.0), F(12000.0)) * ${constant(2 / Math.PI)});
  let a = (x - n * ${constant(halfPi[0]!)}) - n * ${constant(halfPi[1]!)};
  let b = n * ${constant(halfPi[2]!)};
  // Compilers know that (a - (a - b)) - b is 0, which it is not.
  var r = $opaque(a - b);
  var low = ((a - r) - b) - n * ${constant(halfPi[3]!)};
  var quadrant = I(n);
  let huge = (abs(x) > F(12000.0)) & $isFinite(x);
  if (any(huge)) {
    r = select(r, $hugeAngle(x), huge);
    low = select(low, F(0.0), huge);
    quadrant = select(quadrant, $hugeQuadrant(x), huge);
  }
  let z = r * r;
  let s = r + ((r * z) * ${polynomial("z", sine)} + low);
  let c = (F(1.0) - F(0.5) * z) + ((z * z) * ${polynomial("z", cosine)} - r * low);
  let turned = bitcast<U>(quadrant) + U(${shift}u);
  let y = select(s, c, (turned & U(1u)) == U(1u));
  let signed = bitcast<F>(bitcast<U>(y) ^ ((turned & U(2u)) << U(30u)));
  // Infinity has no angle.
  let known = select($notANumber(), signed, $isFinite(x));
  ${atZero}
}
`;

/**
 * m 2^e times 2/pi, modulo 4 and in units of 2^-94, as three words (Payne and Hanek's reduction): of the digits of 2/pi
 * those are left out whose product with m 2^e is a multiple of 4, and those that no longer matter.
 */
const reduceHuge = `
  // The binary digits of 2/pi, behind a word of zeros.
  var digits = array<u32, 9>(
    0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
    0xdebbc561u,
  );
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  let m = (bits & 0x7fffffu) | 0x800000u;
  let first = clamp((bits >> 23u), 127u, 254u) - 120u;
  let word = first >> 5u;
  // In two steps, since a shift by 32 is none.
  let left = first & 31u;
  let right = 31u - left;
  let w0 = (digits[word] << left) | ((digits[word + 1u] >> 1u) >> right);
  let w1 = (digits[word + 1u] << left) | ((digits[word + 2u] >> 1u) >> right);
  let w2 = (digits[word + 2u] << left) | ((digits[word + 3u] >> 1u) >> right);
  let p2 = m * w2;
  let carry2 = $upperProduct(m, w2);
  let p1 = m * w1 + carry2;
  let carry1 = $upperProduct(m, w1) + select(0u, 1u, p1 < carry2);
  let p0 = m * w0 + carry1;
  // To the nearest whole number: from above, the complement remains.
  let above = select(0u, 0xffffffffu, (p0 & 0x20000000u) != 0u);`;

/** sin and cos, of any finite number. */
export const trigonometricFunctions: Readonly<Record<string, FunctionText>> = {
  upperProduct: {
    text: `
fn $upperProduct(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}
`,
  },
  hugeAngle: {
    each: { from: ["F"], to: "F" },
    text: `
fn $hugeAngle(x: F) -> F {${reduceHuge}
  let f0 = ((p0 << 2u) | (p1 >> 30u)) ^ above;
  let f1 = ((p1 << 2u) | (p2 >> 30u)) ^ above;
  // The first 24 bits are exact as a float.
  let high = f32(f0 & 0xffffff00u) * ${2 ** -32}f;
  let low = f32(f0 & 0xffu) * ${2 ** -32}f + f32(f1) * ${2 ** -64}f;
  let angle = high * ${halfPiHigh}f + (high * ${
      Math.fround(Math.PI / 2 - halfPiHigh)
    }f + low * ${halfPiHigh}f);
  let negative = (above != 0u) != (x < 0.0);
  return select(angle, -angle, negative);
}
`,
  },
  hugeQuadrant: {
    each: { from: ["F"], to: "I" },
    text: `
fn $hugeQuadrant(x: F) -> I {${reduceHuge}
  let quadrant = bitcast<i32>((p0 >> 30u) + (above & 1u));
  return select(quadrant, -quadrant, x < 0.0);
}
`,
  },
  sin: {
    // At -0 the sum of opposite zeros lost the sign.
    text: shiftedSine(
      "sin",
      0,
      "return select(known, x, (bitcast<U>(x) & U(0x7fffffffu)) == U(0u));",
    ),
  },
  cos: { text: shiftedSine("cos", 1, "return known;") },
};
