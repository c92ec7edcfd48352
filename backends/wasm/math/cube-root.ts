/** cbrt and rcbrt. */
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { call, type FuncRef } from "../module.ts";
import { type f32x4, type f64x2, i32, i32x4, i64x2, v128 } from "../opcodes.ts";
import { arithmetic, double, type Format, type MathFunction, rounder, single } from "./format.ts";

/** An approximation to a^(-1/3), for positive normal a, within 4 %: a third of the bits taken from a constant. */
function start(e: Emitter, format: Format, a: VectorLocal): Vector {
  if (format.digits === 23) {
    // Of the upper half only: 21845 / 2^16 = 1/3.
    const third = i32x4.mul(i32x4.shr_u(a, i32.const(16)), e.constant(i32x4.const(21845)));
    return i32x4.sub(e.constant(i32x4.const(0x54a20000)), third);
  }
  const { add, sub, mul, bits, subBits } = arithmetic(e, double);
  const round = rounder(double);
  const word = i64x2.add(i64x2.shr_u(a, i32.const(32)), bits(round.bits));
  const third = add(mul(sub(word, round.value), 1 / 3), round.value);
  const high = i64x2.shl(subBits(third, bits(round.bits)), i32.const(32));
  return i64x2.sub(bits(0x553ef0ffn << 32n), high);
}

/**
 * ((1 - h)^(-1/3) - 1) / h: minimax on -0.1105 <= h <= 0.1006, relative error of the root 2^-18 and 2^-27; Taylor for
 * float64.
 */
const correction = {
  rough: [0.333340048789978, 0.223541259765625, 0.17195352911949158],
  fine: [
    0.333333283662796,
    0.22221654653549194,
    0.1728624701499939,
    0.14571982622146606,
    0.1235542818903923,
  ],
  double: [1 / 3, 2 / 9, 14 / 81],
};

/** Brings z, near a^(-1/3), closer: z (1 - h)^(-1/3) with h = 1 - a z^3. */
function correct(
  e: Emitter,
  format: Format,
  a: VectorLocal,
  z: VectorLocal,
  coefficients: readonly number[],
): Vector {
  const { multiplyAdd, subtractProduct, mul, polynomial } = arithmetic(e, format);
  // In an order that neither overflows nor underflows.
  const h = e.keep(subtractProduct(1, mul(a, z), mul(z, z)));
  return multiplyAdd(mul(z, h), polynomial(h, coefficients), z);
}

/** A root of x, given its size a too; good for numbers that are normal and not at the upper end of the floats. */
type Root = (e: Emitter, x: VectorLocal, a: VectorLocal) => Vector;

/** From z, an approximation to a^(-1/3), one step of Newton on y = x z^2: no division. */
const cubeRoot = (format: Format): Root => (e, x, a) => {
  const { sub, mul } = arithmetic(e, format);
  let z = e.keep(start(e, format, a));
  const steps = format.digits === 23 ? [correction.rough] : [correction.double, correction.double];
  for (const coefficients of steps) z = e.keep(correct(e, format, a, z, coefficients));
  const z2 = e.keep(mul(z, z));
  const y = e.keep(mul(x, z2));
  // y - (y^3 - x) / (3 y^2).
  return sub(y, mul(sub(mul(mul(y, y), y), x), mul(z2, 1 / 3)));
};

/** a^(-1/3): the sign is left out. */
const reciprocal = (format: Format): Root => (e, _x, a) => {
  if (format.digits === 52) return arithmetic(e, double).div(1, cubeRoot(double)(e, a, a));
  return correct(e, single, a, e.keep(start(e, single, a)), correction.fine);
};

/** A root of any number: brought nearer to 1 where it is very small or very large. */
function anywhere(format: Format, root: Root, power: number): MathFunction {
  return (e, x) => {
    const { F, digits } = format;
    const { k, mul, div, withSign } = arithmetic(e, format);
    const [limit, factor] = digits === 23 ? [2 ** 126, 2 ** 48] : [2 ** 900, 2 ** 300];
    const size = e.keep(F.abs(x));
    const isTiny = e.keep(F.lt(size, k(1 / limit)));
    const isHuge = e.keep(F.gt(size, k(limit)));
    const whereFar = (tiny: number, huge: number): Vector => {
      const bits = (mask: Vector, n: number) => v128.and(mask, e.constant(bitsBetween(F, n, 1)));
      return v128.xor(v128.or(bits(isTiny, tiny), bits(isHuge, huge)), k(1));
    };
    const near = e.keep(mul(size, whereFar(factor, 1 / factor)));
    // A third of the exponent: exact.
    const back = Math.round(Math.cbrt(factor)) ** -power;
    const y = mul(root(e, near, near), whereFar(back, 1 / back));
    const isRegular = v128.and(F.lt(size, k(Infinity)), F.gt(size, k(0)));
    // Zero and infinity are their own roots, and the reciprocals of each other.
    return e.choose(isRegular, withSign(y, x), power === 1 ? x : div(1, x));
  };
}

/** The bits in which two floats differ, in all lanes. */
function bitsBetween(F: typeof f32x4 | typeof f64x2, a: number, b: number): Vector {
  return v128.xor(F.const(a), F.const(b));
}

/** The bits of the floats 2^-126 and 2^126. */
const [least, most] = [0x00800000, 0x7e800000];

/**
 * `y`, but what `f` gives for x where a is not from 2^-126 to 2^126. That is rare, and only where it happens does it
 * take time.
 */
function exceptAtEnds(
  e: Emitter,
  y: VectorLocal,
  a: VectorLocal,
  x: VectorLocal,
  name: string,
  f: MathFunction,
): Vector {
  // One comparison for both ends: signed numbers are taken as unsigned ones by a shift.
  const shifted = i32x4.sub(a, e.constant(i32x4.const(least + 2 ** 31)));
  const atEnds = e.keep(i32x4.gt_s(shifted, e.constant(i32x4.const(most - least - 2 ** 31))));
  e.f.if(v128.any_true(atEnds), () => {
    const make = (): FuncRef<"v128"> =>
      e.module.func(["v128"], "v128", (inner, x) => inner.return(f(e.into(inner), x, x)));
    e.f.set(y, e.choose(atEnds, call(e.helper(name, make), x), y));
  });
  return y;
}

/** The cube root of float32. */
export const cbrtSingle: MathFunction = (e, x) => {
  const a = e.keep(single.F.abs(x));
  const y = e.keep(cubeRoot(single)(e, x, a));
  return exceptAtEnds(e, y, a, x, "cbrtAtEnds", anywhere(single, cubeRoot(single), 1));
};

/** The reciprocal of the cube root of float32; negative numbers count as rare. */
export const rcbrtSingle: MathFunction = (e, x) => {
  const y = e.keep(reciprocal(single)(e, x, x));
  return exceptAtEnds(e, y, x, x, "rcbrtAtEnds", anywhere(single, reciprocal(single), -1));
};

/** The cube root of float64. */
export const cbrtDouble: MathFunction = anywhere(double, cubeRoot(double), 1);

/** The reciprocal of the cube root of float64. */
export const rcbrtDouble: MathFunction = anywhere(double, reciprocal(double), -1);
