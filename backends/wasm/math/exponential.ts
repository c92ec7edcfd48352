/** exp, expm1, tanh, logistic and erf. */
import { logErfcSingle, powerOfTwoSingle, scaledErfc } from "../../../src/core/error-function.ts";
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { v128 } from "../opcodes.ts";
import { arithmetic, type Format, type MathFunction, rounder } from "./format.ts";

/** x = n ln 2 + r, |r| <= ln(2) / 2, and e^r - 1 = r + tail. */
interface Reduced {
  readonly r: VectorLocal;
  readonly tail: VectorLocal;
  /** What was rounded away in r. */
  readonly lost: () => Vector;
  /** n + shift, in the lowest bits. */
  readonly exponent: VectorLocal;
}

/** `low` is added to x: the part of a number that x is too coarse for. */
function reduce(
  e: Emitter,
  format: Format,
  x: VectorLocal,
  shift: number,
  low?: Vector,
): Reduced {
  const { k, add, sub, mul, polynomial } = arithmetic(e, format);
  const { ln2, exponential } = format;
  const round = rounder(format).value + shift;
  const exponent = e.keep(add(mul(x, Math.LOG2E), round));
  const n = e.keep(sub(exponent, k(round)));
  const high = e.keep(sub(x, mul(n, ln2[0])));
  const rest = e.keep(low === undefined ? mul(n, ln2[1]) : sub(mul(n, ln2[1]), low));
  const r = e.keep(sub(high, rest));
  return {
    r,
    tail: e.keep(mul(mul(r, r), polynomial(r, exponential))),
    lost: () => sub(sub(high, r), rest),
    exponent,
  };
}

/** Beyond these e^x is 0 or infinite. In this order of operands NaN stays. */
function bounded(e: Emitter, format: Format, x: VectorLocal): VectorLocal {
  const { F, expRange: [least, largest] } = format;
  const { k } = arithmetic(e, format);
  return e.keep(F.pmax(F.pmin(x, k(largest)), k(least)));
}

/** 2^n in two factors, since n may lie beyond what one float can hold; `exponent` is n + 2 bias. */
function scales(
  e: Emitter,
  format: Format,
  exponent: VectorLocal,
): { first: VectorLocal; second: VectorLocal; inverseOfSecond: () => Vector } {
  const { subBits, shiftLeft, shiftRight, bits } = arithmetic(e, format);
  const { digits, bias } = format;
  const half = e.keep(shiftRight(exponent, 1));
  const other = e.keep(subBits(exponent, half));
  return {
    first: e.keep(shiftLeft(half, digits)),
    second: e.keep(shiftLeft(other, digits)),
    inverseOfSecond: () => shiftLeft(subBits(bits(2 * bias), other), digits),
  };
}

/** e^(x + low), where low is far smaller than x. */
export function exponentialOf(e: Emitter, format: Format, x: VectorLocal, low?: Vector): Vector {
  const { k, add, mul } = arithmetic(e, format);
  const { r, tail, exponent } = reduce(e, format, bounded(e, format, x), 2 * format.bias, low);
  const { first, second } = scales(e, format, exponent);
  // 0 as the factor gives 0 at once, where a product that underflows to it takes processors a hundred times as long:
  // masked softmax is full of e^-Infinity.
  const nonZero = v128.and(second, format.F.gt(x, k(format.expRange[0])));
  return mul(mul(add(add(r, tail), 1), first), nonZero);
}

/** e^x. */
export const exp = (format: Format): MathFunction => (e, x) => exponentialOf(e, format, x);

/** e^x - 1. */
export const expm1 = (format: Format): MathFunction => (e, x) => {
  const { add, sub, mul, withSign } = arithmetic(e, format);
  const { r, tail, lost, exponent } = reduce(e, format, bounded(e, format, x), 2 * format.bias);
  const { first, second, inverseOfSecond } = scales(e, format, exponent);
  // (2^n - 1) + 2^n r + 2^n tail without overflow before its time; the first sum keeps what it rounds away.
  const one = e.keep(sub(first, inverseOfSecond()));
  const scaled = e.keep(mul(r, first));
  const sum = e.keep(add(one, scaled));
  const rest = add(sub(scaled, sub(sum, one)), mul(add(tail, lost()), first));
  const y = mul(add(sum, rest), second);
  // The sum of opposite zeros lost the sign of -0.
  return withSign(y, x);
};

/** x + x z P(z) with z = x^2 for small x, else 1 - 2 / (e^(2|x|) + 1). */
export const tanh = (format: Format): MathFunction => (e, x) => {
  const { F } = format;
  const { k, add, sub, mul, div, polynomial, withSign, addBits, shiftLeft } = arithmetic(e, format);
  const z = e.keep(mul(x, x));
  const small = e.keep(add(x, mul(mul(x, z), polynomial(z, format.tangent))));
  const size = e.keep(F.abs(x));
  // From there on it is 1, and 2^n a float: its exponent can be added. NaN takes the other way.
  const twice = e.keep(F.pmin(add(size, size), k(40)));
  const { r, tail, exponent } = reduce(e, format, twice, 0);
  const power = addBits(add(add(r, tail), 1), shiftLeft(exponent, format.digits));
  const large = e.keep(sub(1, div(2, add(power, 1))));
  return withSign(e.choose(F.ge(size, k(0.625)), large, small), x);
};

/**
 * 1 / (1 + e^-x) as f / (f + f e^-x). The factor f is a power of two so small that f e^-x is in range wherever the
 * result is not 0.
 */
export const logistic = (format: Format): MathFunction => (e, x) => {
  const { F, digits, bias, expRange: [least] } = format;
  const { k, add, mul, div, shiftLeft } = arithmetic(e, format);
  const half = (bias + 1) / 2;
  // From 40 on the result is 1. In this order of operands NaN stays.
  const bounded = F.pmax(F.pmin(x, k(40)), k(least));
  const { r, tail, exponent } = reduce(e, format, e.keep(F.neg(bounded)), bias - half);
  const power = mul(add(add(r, tail), 1), shiftLeft(exponent, digits));
  const factor = k(2 ** -half);
  return div(factor, add(factor, power));
};

/** x + x P(x^2) for |x| < 1, else 1 - rest(|x|). */
const erfWith =
  (rest: (e: Emitter, size: VectorLocal) => Vector) => (format: Format): MathFunction => (e, x) => {
    const { F } = format;
    const { k, add, sub, mul, polynomial, withSign } = arithmetic(e, format);
    const z = e.keep(mul(x, x));
    const small = e.keep(add(x, mul(x, polynomial(z, format.errorFunction))));
    const size = e.keep(F.abs(x));
    const large = e.keep(sub(1, rest(e, size)));
    return withSign(e.choose(F.ge(size, k(1)), large, small), x);
  };

/** erf of float32. */
export const erfSingle = (format: Format): MathFunction =>
  erfWith((e, size) => {
    const { k, add, sub, polynomial, addBits, shiftLeft } = arithmetic(e, format);
    // From 4 on erf is 1. NaN takes the other way.
    const t = e.keep(polynomial(e.keep(format.F.pmin(size, k(4))), logErfcSingle));
    const round = rounder(format).value;
    const exponent = e.keep(add(t, round));
    const r = e.keep(sub(t, sub(exponent, round)));
    return addBits(polynomial(r, powerOfTwoSingle), shiftLeft(exponent, format.digits));
  })(format);

/** erf of float64. */
export const erfDouble = (format: Format): MathFunction =>
  erfWith((e, size) => {
    const { k, add, sub, mul, div, polynomial } = arithmetic(e, format);
    const bounded = e.keep(format.F.pmin(size, k(6)));
    const u = e.keep(sub(div(14.4, add(bounded, 3)), 2.6));
    const power = exponentialOf(e, format, e.keep(format.F.neg(mul(bounded, bounded))));
    return mul(power, polynomial(u, scaledErfc));
  })(format);
