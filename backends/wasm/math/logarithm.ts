/** log and log1p. */
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { v128 } from "../opcodes.ts";
import { arithmetic, type Format, type MathFunction, rounder } from "./format.ts";

/** x = 2^exponent significand, for positive normal x; the exponent as a float, the significand near 1. */
export function split(
  e: Emitter,
  format: Format,
  x: VectorLocal,
): { exponent: VectorLocal; significand: VectorLocal } {
  const { bits, addBits, subBits, shiftLeft, shiftRight, sub } = arithmetic(e, format);
  const { digits } = format;
  // The bits of sqrt(1/2): significands lie between it and its double.
  const rootHalf = bits(digits === 23 ? 0x3f3504f3n : 0x3fe6a09e667f3bcdn);
  const whole = e.keep(shiftRight(subBits(x, rootHalf), digits));
  const round = rounder(format);
  return {
    exponent: e.keep(sub(addBits(whole, bits(round.bits)), round.value)),
    significand: e.keep(subBits(x, shiftLeft(whole, digits))),
  };
}

/** `split` of any x > 0. */
export function splitAny(
  e: Emitter,
  format: Format,
  x: VectorLocal,
): { exponent: VectorLocal; significand: VectorLocal } {
  const { k, mul, sub } = arithmetic(e, format);
  const up = format.digits + 1;
  const tiny = e.keep(format.F.lt(x, k(format.tiny)));
  const scaled = e.keep(e.choose(tiny, mul(x, 2 ** up), x));
  const { exponent, significand } = split(e, format, scaled);
  return { exponent: e.keep(sub(exponent, v128.and(tiny, k(up)))), significand };
}

/**
 * n ln 2 + log(1 + f) + c, with c far smaller than f. With s = f / (2 + f) and h = f^2 / 2,
 * log(1 + f) = f - h + s (h + R(s^2)).
 */
function sum(
  e: Emitter,
  format: Format,
  n: VectorLocal,
  f: VectorLocal,
  c: Vector | undefined,
): Vector {
  const { add, sub, mul, div, polynomial } = arithmetic(e, format);
  const s = e.keep(div(f, add(f, 2)));
  const z = e.keep(mul(s, s));
  const h = e.keep(mul(mul(f, f), 0.5));
  const R = mul(z, polynomial(z, format.logarithm));
  let low = add(mul(s, add(h, R)), mul(n, format.ln2[1]));
  if (c !== undefined) low = add(low, c);
  return add(sub(f, sub(h, low)), mul(n, format.ln2[0]));
}

/** The logarithm's values where its argument is 0 (at x = `zero`), below, infinite or NaN; else `y`. */
function atEdges(e: Emitter, format: Format, x: VectorLocal, y: Vector, zero: number): Vector {
  const { k } = arithmetic(e, format);
  const { F } = format;
  // Infinity and NaN are their own logarithms.
  const upper = e.choose(F.lt(x, k(Infinity)), y, x);
  const positive = e.choose(F.eq(x, k(zero)), k(-Infinity), upper);
  return e.choose(F.lt(x, k(zero)), k(NaN), positive);
}

/** The natural logarithm. */
export const log = (format: Format): MathFunction => (e, x) => {
  const { sub } = arithmetic(e, format);
  const { exponent, significand } = splitAny(e, format, x);
  return atEdges(e, format, x, sum(e, format, exponent, e.keep(sub(significand, 1)), undefined), 0);
};

/** log(1 + x). */
export const log1p = (format: Format): MathFunction => (e, x) => {
  const { F } = format;
  const { k, add, sub, div } = arithmetic(e, format);
  const u = e.keep(add(x, 1));
  const { exponent, significand } = split(e, format, u);
  // What was rounded away in u, relative to it.
  const back = e.keep(sub(u, 1));
  const lost = add(sub(1, sub(u, back)), sub(x, back));
  const isOne = e.keep(F.eq(exponent, k(0)));
  const c = v128.andnot(div(lost, u), isOne);
  const f = e.keep(e.choose(isOne, x, sub(significand, 1)));
  const y = atEdges(e, format, x, sum(e, format, exponent, f, c), -1);
  // At -0 the sum of opposite zeros lost the sign.
  return e.choose(F.eq(x, k(0)), x, y);
};
