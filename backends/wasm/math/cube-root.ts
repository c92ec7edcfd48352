/** cbrt. */
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { type f32x4, type f64x2, i32, i32x4, i64x2, v128 } from "../opcodes.ts";
import { arithmetic, double, type Format, type MathFunction, rounder } from "./format.ts";

/** An approximation to a^(-1/3), for positive normal a, within 4 %: a third of the bits taken from a constant. */
function start(e: Emitter, format: Format, a: VectorLocal): Vector {
  if (format.digits === 23) {
    // Of the upper half only: 21845 / 2^16 = 1/3.
    const third = i32x4.mul(i32x4.shr_u(a, i32.const(16)), e.constant(i32x4.const(21845)));
    return i32x4.sub(e.constant(i32x4.const(0x54a2fa8c)), third);
  }
  const { add, sub, mul, bits, subBits } = arithmetic(e, double);
  const round = rounder(double);
  const word = i64x2.add(i64x2.shr_u(a, i32.const(32)), bits(round.bits));
  const third = add(mul(sub(word, round.value), 1 / 3), round.value);
  const high = i64x2.shl(subBits(third, bits(round.bits)), i32.const(32));
  return i64x2.sub(bits(0x553ef0ffn << 32n), high);
}

/**
 * The cube root. From z, an approximation to |x|^(-1/3), one step of fourth order (float64: two) and then one of
 * Newton on y = x z^2: no division.
 */
export const cbrt = (format: Format): MathFunction => (e, x) => {
  const { F, digits } = format;
  const { k, add, sub, mul, polynomial } = arithmetic(e, format);
  // So far from 1 some cubes below would be subnormal.
  const [limit, up] = digits === 23 ? [2 ** -80, 2 ** 48] : [2 ** -900, 2 ** 300];
  const size = e.keep(F.abs(x));
  const tiny = e.keep(F.lt(size, k(limit)));
  /** `factor` where x is tiny, else 1. */
  const whereTiny = (factor: number): Vector =>
    v128.xor(v128.and(tiny, e.constant(bitsBetween(F, factor, 1))), k(1));
  const a = e.keep(mul(size, whereTiny(up)));
  let z = e.keep(start(e, format, a));
  for (let step = digits === 23 ? 1 : 2; step > 0; step--) {
    // h = 1 - a z^3, in an order that neither overflows nor underflows.
    const h = e.keep(sub(1, mul(mul(a, z), mul(z, z))));
    // (1 - h)^(-1/3) = 1 + h/3 + 2 h^2 / 9 + 14 h^3 / 81 + ...
    const correction = mul(h, polynomial(h, [1 / 3, 2 / 9, 14 / 81]));
    z = e.keep(add(z, mul(z, correction)));
  }
  const z2 = e.keep(mul(z, z));
  const y = e.keep(mul(a, z2));
  // y - (y^3 - a) / (3 y^2). Near the end of the floats the cube may lie beyond: not more than rounding explains.
  const cube = F.pmin(mul(mul(y, y), y), k(format.largest));
  const root = sub(y, mul(mul(sub(cube, a), z2), 1 / 3));
  const back = v128.xor(whereTiny(Math.cbrt(1 / up)), v128.and(x, k(-0)));
  // Infinity and NaN are their own roots.
  return e.choose(F.lt(size, k(Infinity)), mul(root, back), x);
};

/** The bits in which two floats differ, in all lanes. */
function bitsBetween(F: typeof f32x4 | typeof f64x2, a: number, b: number): Vector {
  return v128.xor(F.const(a), F.const(b));
}
