import { erfSeries, erfSeriesSingle } from "../../../src/core/error-function.ts";
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { f32x4, f64x2, i32, i32x4, i64x2 } from "../opcodes.ts";

/** An element-wise function on vectors. */
export type MathFunction = (e: Emitter, x: VectorLocal, y: VectorLocal) => Vector;

/** What the functions need to know of float32 or float64. */
export interface Format {
  readonly F: typeof f32x4 | typeof f64x2;
  /** Bits of the significand that are stored. */
  readonly digits: number;
  readonly bias: number;
  /** The smallest normal number. */
  readonly tiny: number;
  /** The largest finite number. */
  readonly largest: number;
  /** ln 2 in two parts; the first is short, so that its product with an exponent is exact. */
  readonly ln2: readonly [high: number, low: number];
  /** Below and above, e^x is 0 or infinite. */
  readonly expRange: readonly [number, number];
  /** (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2. */
  readonly exponential: readonly number[];
  /** (2 atanh(s) / s - 2) / s^2 as a polynomial in s^2, |s| <= 0.1716. */
  readonly logarithm: readonly number[];
  /** (tanh(x) / x - 1) / x^2 as a polynomial in x^2 <= 0.4. */
  readonly tangent: readonly number[];
  /** erf(x) / x - 1 as a polynomial in x^2 <= 1. */
  readonly errorFunction: readonly number[];
}

// The polynomials of float32 are minimax (Remez), with each coefficient rounded in turn and the rest fitted anew.
export const single: Format = {
  F: f32x4,
  digits: 23,
  bias: 127,
  tiny: 2 ** -126,
  largest: 3.4028234663852886e38,
  ln2: [0.693145751953125, 1.428606765330187e-06],
  expRange: [-104, 89],
  exponential: [
    0.5,
    0.16666515171527863,
    0.041666582226753235,
    0.008369307965040207,
    0.0013921988429501653,
  ],
  logarithm: [0.6666666269302368, 0.40000972151756287, 0.2849879264831543, 0.24278861284255981],
  tangent: [
    -0.33333277702331543,
    0.1333131194114685,
    -0.053727924823760986,
    0.020598405972123146,
    -0.005657535046339035,
  ],
  errorFunction: erfSeriesSingle,
};

// Those of float64: Taylor for the exponential, minimax for the logarithm and tanh, Chebyshev for erf.
export const double: Format = {
  F: f64x2,
  digits: 52,
  bias: 1023,
  tiny: 2 ** -1022,
  largest: Number.MAX_VALUE,
  ln2: [0.6931471803691238, 1.9082149292705877e-10],
  expRange: [-746, 710],
  exponential: [
    1 / 2,
    1 / 6,
    1 / 24,
    1 / 120,
    1 / 720,
    1 / 5040,
    1 / 40320,
    1 / 362880,
    1 / 3628800,
    1 / 39916800,
    1 / 479001600,
    1 / 6227020800,
  ],
  logarithm: [
    0.6666666666666735,
    0.39999999999409336,
    0.28571428743692623,
    0.2222219842814814,
    0.18183572407043397,
    0.15313830624641514,
    0.14798276105701946,
  ],
  tangent: [
    -0.3333333333333333,
    0.13333333333332978,
    -0.05396825396801558,
    0.021869488528101125,
    -0.008863235369227871,
    0.003592125972873928,
    -0.0014558164278704066,
    0.0005899183480291254,
    -0.00023865972847975282,
    9.548224790413902e-05,
    -3.6207192091226335e-05,
    1.1416490528831511e-05,
    -2.1209349762500807e-06,
  ],
  // erf(x) / x - 1: its first number is rounded by itself.
  errorFunction: [0.1283791670955126, ...erfSeries.slice(1)],
};

/** Short names for vector arithmetic of one format: numbers stand for constants, which are kept in locals. */
export interface Arithmetic {
  k(n: number): VectorLocal;
  add(a: Vector | number, b: Vector | number): Vector;
  sub(a: Vector | number, b: Vector | number): Vector;
  mul(a: Vector | number, b: Vector | number): Vector;
  div(a: Vector | number, b: Vector | number): Vector;
  /** a b + c; rounded once where fused instructions are asked for. */
  multiplyAdd(a: Vector | number, b: Vector | number, c: Vector | number): Vector;
  /** c - a b; likewise. */
  subtractProduct(c: Vector | number, a: Vector | number, b: Vector | number): Vector;
  /** Coefficients, lowest power first, by Horner's rule. */
  polynomial(x: VectorLocal, coefficients: readonly number[]): Vector;
  /** `a` with the sign of `b`. */
  withSign(a: Vector, b: Vector): Vector;
  /** A whole number in all lanes, as bits. */
  bits(n: bigint | number): VectorLocal;
  /** Arithmetic on bits. */
  addBits(a: Vector, b: Vector): Vector;
  subBits(a: Vector, b: Vector): Vector;
  shiftLeft(a: Vector, by: number): Vector;
  /** With the sign shifted in. */
  shiftRight(a: Vector, by: number): Vector;
}

export function arithmetic(e: Emitter, { F, digits }: Format): Arithmetic {
  const isSingle = digits === 23;
  const I = isSingle ? i32x4 : i64x2;
  const k = (n: number): VectorLocal => e.constant(F.const(n));
  const of = (x: Vector | number): Vector => typeof x === "number" ? k(x) : x;
  const multiplyAdd: Arithmetic["multiplyAdd"] = (a, b, c) =>
    e.fma ? F.relaxed_madd(of(a), of(b), of(c)) : F.add(F.mul(of(a), of(b)), of(c));
  return {
    k,
    multiplyAdd,
    subtractProduct: (c, a, b) =>
      e.fma ? F.relaxed_nmadd(of(a), of(b), of(c)) : F.sub(of(c), F.mul(of(a), of(b))),
    add: (a, b) => F.add(of(a), of(b)),
    sub: (a, b) => F.sub(of(a), of(b)),
    mul: (a, b) => F.mul(of(a), of(b)),
    div: (a, b) => F.div(of(a), of(b)),
    polynomial: (x, coefficients) =>
      coefficients.slice(0, -1).reduceRight<Vector>(
        (sum, c) => multiplyAdd(sum, x, c),
        k(coefficients.at(-1)!),
      ),
    withSign: (a, b) => e.choose(k(-0), b, a),
    bits: (n) => e.constant(isSingle ? i32x4.const(Number(n)) : i64x2.const(BigInt(n))),
    addBits: (a, b) => I.add(a, b),
    subBits: (a, b) => I.sub(a, b),
    shiftLeft: (a, by) => I.shl(a, i32.const(by)),
    shiftRight: (a, by) => I.shr_s(a, i32.const(by)),
  };
}

/**
 * Adding this rounds a small float to a whole number, which then stands in the lowest bits, above those of the
 * constant itself.
 */
export function rounder({ digits, bias }: Format): { value: number; bits: bigint } {
  const value = 1.5 * 2 ** digits;
  return { value, bits: (BigInt(bias + digits) * 2n + 1n) << BigInt(digits - 1) };
}
