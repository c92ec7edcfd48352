/** pow. */
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { f64x2, v128 } from "../opcodes.ts";
import { exponentialOf } from "./exponential.ts";
import { type Arithmetic, arithmetic, double, type MathFunction } from "./format.ts";
import { log, splitAny } from "./logarithm.ts";

/** A number as the sum of a float and a far smaller one. */
interface Pair {
  readonly high: VectorLocal;
  readonly low: Vector;
}

/** (2 atanh(s) / s - 2) / s^2 as a polynomial in s^2, minimax: relative error of the logarithm 2^-66. */
const logarithm = [
  0.6666666666666666,
  0.4000000000000493,
  0.2857142856940701,
  0.22222222607750738,
  0.18181778283672326,
  0.153869922732833,
  0.13252066183900982,
  0.1323555425548044,
];

/** Whatever x and y are beside: y = 0 and x = 1 give 1; the sign, and NaN for fractional powers below 0. */
function withEdges(e: Emitter, x: VectorLocal, y: VectorLocal, power: Vector): Vector {
  const { k, mul } = arithmetic(e, double);
  const half = e.keep(mul(y, 0.5));
  const isOdd = e.keep(v128.and(
    f64x2.eq(f64x2.trunc(y), y),
    f64x2.ne(f64x2.trunc(half), half),
  ));
  const sign = v128.and(v128.and(x, k(-0)), isOdd);
  const isNegative = v128.and(f64x2.lt(x, k(0)), f64x2.gt(x, k(-Infinity)));
  const isFraction = f64x2.ne(f64x2.trunc(y), y);
  const signed = v128.or(power, sign);
  const known = e.choose(v128.and(isNegative, isFraction), k(NaN), signed);
  const isOne = v128.or(f64x2.eq(y, k(0)), f64x2.eq(x, k(1)));
  return e.choose(isOne, k(1), known);
}

/** Numbers so large that every power but that of 1 is 0 or infinite; infinities with them. */
function boundedExponent(e: Emitter, y: VectorLocal): VectorLocal {
  const { k } = arithmetic(e, double);
  return e.keep(f64x2.pmax(f64x2.pmin(y, k(2 ** 80)), k(-(2 ** 80))));
}

/** x^y good to 40 bits: enough for float32. */
export const roughPower: MathFunction = (e, x, y) => {
  const { mul } = arithmetic(e, double);
  const size = e.keep(f64x2.abs(x));
  const logOfX = log(double)(e, size, size);
  const product = e.keep(mul(boundedExponent(e, y), logOfX));
  return withEdges(e, x, y, exponentialOf(e, double, product));
};

/** x^y of float64: the logarithm in twice the precision. */
export const power: MathFunction = (e, x, y) => {
  const a = arithmetic(e, double);
  const bounded = boundedExponent(e, y);
  const { high, low } = preciseLog(e, e.keep(f64x2.abs(x)));
  const product = multiply(e, a, bounded, high);
  const rest = a.add(product.low, a.mul(bounded, low));
  // Beyond that the rest no longer counts, and may be large or NaN.
  const isNear = f64x2.lt(f64x2.abs(product.high), a.k(2 ** 12));
  const powered = exponentialOf(e, double, product.high, v128.and(rest, isNear));
  return withEdges(e, x, y, powered);
};

/** a b without error (Dekker's product). */
function multiply(e: Emitter, { mul, sub, add }: Arithmetic, a: VectorLocal, b: VectorLocal): Pair {
  const halve = (x: VectorLocal): [VectorLocal, VectorLocal] => {
    const c = e.keep(mul(x, 2 ** 27 + 1));
    const high = e.keep(sub(c, sub(c, x)));
    return [high, e.keep(sub(x, high))];
  };
  const [a1, a2] = halve(a);
  const [b1, b2] = halve(b);
  const high = e.keep(mul(a, b));
  const rest = add(add(sub(mul(a1, b1), high), mul(a1, b2)), mul(a2, b1));
  return { high, low: e.keep(add(rest, mul(a2, b2))) };
}

/** a + b without error, |a| >= |b| (Dekker's sum). */
function addLesser(e: Emitter, { add, sub }: Arithmetic, a: VectorLocal, b: VectorLocal): Pair {
  const high = e.keep(add(a, b));
  return { high, low: e.keep(sub(b, sub(high, a))) };
}

/** log x for x >= 0 as n ln 2 + 2 s + s (c z + z^2 P(z)), with s = f / (2 + f), z = s^2. */
function preciseLog(e: Emitter, x: VectorLocal): Pair {
  const a = arithmetic(e, double);
  const { k, add, sub, mul, div, polynomial } = a;
  const { exponent: n, significand } = splitAny(e, double, x);
  const f = e.keep(sub(significand, 1));
  const t = e.keep(add(f, 2));
  const tLow = sub(f, sub(t, 2));
  const s = e.keep(div(f, t));
  const st = multiply(e, a, s, t);
  const sLow = e.keep(div(sub(sub(sub(f, st.high), st.low), mul(s, tLow)), t));
  const square = multiply(e, a, s, s);
  const z = square.high;
  const zLow = add(square.low, mul(mul(s, sLow), 2));
  const first = multiply(e, a, z, k(logarithm[0]!));
  const others = e.keep(mul(mul(z, z), polynomial(z, logarithm.slice(1))));
  const u = addLesser(e, a, first.high, others);
  const uLow = add(u.low, add(first.low, mul(zLow, logarithm[0]!)));
  const su = multiply(e, a, s, u.high);
  const suLow = add(su.low, add(mul(s, uLow), mul(sLow, u.high)));
  const twice = e.keep(add(s, s));
  const [ln2, ln2Low] = double.ln2;
  // Where n is 0, 2 s is the larger summand, and nothing is lost in either order.
  const sum = addLesser(e, a, e.keep(mul(n, ln2)), twice);
  const next = addLesser(e, a, sum.high, su.high);
  const low = add(
    add(next.low, sum.low),
    add(add(suLow, add(sLow, sLow)), mul(n, ln2Low)),
  );
  const total = addLesser(e, a, next.high, e.keep(low));
  const isZero = f64x2.eq(x, k(0));
  const isRegular = e.keep(v128.andnot(f64x2.lt(x, k(Infinity)), isZero));
  const edge = e.choose(isZero, k(-Infinity), x);
  return {
    high: e.keep(e.choose(isRegular, total.high, edge)),
    low: e.keep(v128.and(total.low, isRegular)),
  };
}
