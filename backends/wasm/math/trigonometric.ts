/** sin and cos of float64. */
import type { Emitter, VectorLocal } from "../emitter.ts";
import { call } from "../module.ts";
import { f64, f64x2, i32, i64, i64x2, v128 } from "../opcodes.ts";
import { arithmetic, double, type MathFunction, rounder } from "./format.ts";
import { makeHugeAngle } from "./huge-angle.ts";

/** (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2 / 2) / r^4 as polynomials in r^2, |r| <= pi/4; minimax, 2^-58. */
const sine = [
  -0.16666666666666632,
  0.008333333333322455,
  -0.00019841269829813413,
  2.755731368757029e-06,
  -2.5050756713671926e-08,
  1.5896681801269028e-10,
];
const cosine = [
  0.0416666666666666,
  -0.0013888888888874441,
  2.4801587289636307e-05,
  -2.7557314387465336e-07,
  2.087572705800643e-09,
  -1.1359802404796747e-11,
];

/** pi/2 in three parts of 33 bits and a rest: products of the parts with numbers up to 2^20 are exact. */
const halfPi = [
  1.5707963267341256,
  6.077100506303966e-11,
  2.0222662487111665e-21,
  8.4784276603689e-32,
];

/** Up to here the parts suffice; beyond, angles are reduced one by one with all the bits of 2/pi. */
const limit = 2 ** 20;

/** x = n pi/2 + r + low, |r| <= pi/4; n in the lowest bits. */
function reduce(
  e: Emitter,
  x: VectorLocal,
): { quadrant: VectorLocal; r: VectorLocal; low: VectorLocal } {
  const { k, add, sub, mul } = arithmetic(e, double);
  const round = rounder(double);
  const quadrant = e.keep(add(mul(x, 2 / Math.PI), round.value));
  const n = e.keep(sub(quadrant, round.value));
  const a = e.keep(sub(sub(x, mul(n, halfPi[0]!)), mul(n, halfPi[1]!)));
  const b = e.keep(add(mul(n, halfPi[2]!), mul(n, halfPi[3]!)));
  const r = e.keep(sub(a, b));
  const low = e.keep(sub(sub(a, r), b));
  const size = f64x2.abs(x);
  const huge = e.keep(v128.and(f64x2.gt(size, k(limit)), f64x2.lt(size, k(Infinity))));
  const rest = e.helper("hugeAngleRest", () => makeHugeAngle(e.module, "rest"));
  const turns = e.helper("hugeAngleQuadrant", () => makeHugeAngle(e.module, "quadrant"));
  e.f.if(v128.any_true(huge), () => {
    for (const lane of [0, 1]) {
      const angle = f64x2.extract_lane(x, lane);
      e.f.if(f64.gt(f64.abs(angle), f64.const(limit)), () => {
        e.f.set(r, f64x2.replace_lane(r, lane, call(rest, angle)));
        e.f.set(low, f64x2.replace_lane(low, lane, f64.const(0)));
        const turn = i64.extend_i32_u(call(turns, angle));
        e.f.set(quadrant, i64x2.replace_lane(quadrant, lane, turn));
      });
    }
  });
  return { quadrant, r, low };
}

/** sin(x + shift pi/2). */
const shiftedSine = (shift: 0 | 1): MathFunction => (e, x) => {
  const { k, add, sub, mul, polynomial, bits } = arithmetic(e, double);
  const { quadrant, r, low } = reduce(e, x);
  const z = e.keep(mul(r, r));
  const h = e.keep(mul(z, 0.5));
  const s = add(r, add(mul(mul(r, z), polynomial(z, sine)), mul(low, sub(1, h))));
  const w = e.keep(sub(1, h));
  const c = add(w, sub(add(sub(sub(1, w), h), mul(mul(z, z), polynomial(z, cosine))), mul(r, low)));
  const turned = shift === 0 ? quadrant : e.keep(i64x2.add(quadrant, bits(1)));
  const isOdd = i64x2.eq(v128.and(turned, bits(1)), bits(1));
  const signBit = i64x2.shl(v128.and(turned, bits(2)), i32.const(62));
  const y = v128.xor(e.choose(isOdd, c, s), signBit);
  // Infinity has no angle.
  const finite = e.keep(e.choose(f64x2.lt(f64x2.abs(x), k(Infinity)), y, f64x2.sub(x, x)));
  if (shift === 1) return finite;
  // At -0 the sum of opposite zeros lost the sign.
  return e.choose(f64x2.eq(x, k(0)), x, finite);
};

export const sin: MathFunction = shiftedSine(0);
export const cos: MathFunction = shiftedSine(1);
