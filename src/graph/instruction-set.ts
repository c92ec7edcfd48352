import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";

/** A primitive that needs nothing beside its operands. */
export type None = Record<never, never>;

/**
 * The instruction set: the name of every primitive and the static parameters that it takes. Operands of
 * element-wise instructions broadcast by NumPy's rules and have one dtype; all others take exact shapes.
 */
export interface PrimitiveParams {
  // Element-wise, one operand: floating -> the same dtype (neg, abs and sign also on int32).
  /** -x, on int32 too. */
  neg: None;
  /** |x|, on int32 too. */
  abs: None;
  /** -1, 0, 1 or NaN, on int32 too. */
  sign: None;
  /** The largest whole number <= x. */
  floor: None;
  /** The smallest whole number >= x. */
  ceil: None;
  /** The nearest whole number, halves to even. */
  round: None;
  /** The square root. */
  sqrt: None;
  /** The cube root. */
  cbrt: None;
  /** x^(-1/3), the reciprocal of the cube root. */
  rcbrt: None;
  /** e^x. */
  exp: None;
  /** e^x - 1. */
  expm1: None;
  /** The natural logarithm. */
  log: None;
  /** log(1 + x). */
  log1p: None;
  /** The sine. */
  sin: None;
  /** The cosine. */
  cos: None;
  /** The hyperbolic tangent. */
  tanh: None;
  /** 1 / (1 + e^-x). */
  logistic: None;
  /** The error function. */
  erf: None;
  /** floating -> bool: neither NaN nor infinite. */
  isFinite: None;
  /** bool -> bool; int32, uint32 -> bitwise complement. */
  not: None;
  /** To another dtype: floats to integers truncate and saturate (NaN to 0), to bool is `!= 0`. */
  cast: { readonly dtype: DType };
  /** The same bits as another dtype of the same width. */
  bitcast: { readonly dtype: DType };
  /** The operand itself; its derivative is zero. */
  stopGradient: None;

  // Element-wise, two operands of one dtype. Integer arithmetic wraps.
  /** a + b. */
  add: None;
  /** a - b. */
  sub: None;
  /** a b. */
  mul: None;
  /** Floating only. */
  div: None;
  /** The remainder with the sign of the dividend; integers by zero give the dividend. */
  rem: None;
  /** Floating only. */
  pow: None;
  /** NaN where either operand is NaN. */
  max: None;
  /** NaN where either operand is NaN. */
  min: None;
  /** -> bool. */
  equal: None;
  /** -> bool. */
  less: None;
  /** -> bool. */
  lessEqual: None;
  /** bool, int32, uint32. */
  and: None;
  /** bool, int32, uint32. */
  or: None;
  /** bool, int32, uint32. */
  xor: None;
  /** int32, uint32; by 32 and more gives 0. */
  shiftLeft: None;
  /** int32, uint32, zeros shifted in; by 32 and more gives 0. */
  shiftRight: None;
  /** (bool, a, b) -> a where true, else b. */
  select: None;

  // Movement.
  /** The same elements in row-major order. */
  reshape: { readonly shape: Shape };
  /** Axis i of the result is axis permutation[i] of the operand. */
  transpose: { readonly permutation: readonly number[] };
  /** Axis i of the operand becomes axis axes[i] (ascending) of the result; extents equal or 1. */
  broadcast: { readonly shape: Shape; readonly axes: readonly number[] };
  /** Every stride-th element from start to limit (exclusive) along each axis. */
  slice: {
    readonly start: readonly number[];
    readonly limit: readonly number[];
    readonly stride: readonly number[];
  };
  /** Zeros (false) around and between: `inner` of them between neighbours. */
  pad: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly inner: readonly number[];
  };
  /** Any number of operands, equal but for one axis. */
  concat: { readonly axis: number };
  /** Reversed along the given axes. */
  flip: { readonly axes: readonly number[] };
  /**
   * (x, indices int32) -> x's axis replaced by the indices' shape. An index outside of [0, extent) gives
   * NaN (floating), the smallest value (integers) or false.
   */
  gather: { readonly axis: number };
  /** (updates, indices int32): the transpose of gather onto zeros of `extent`; outside indices are dropped. */
  scatterAdd: { readonly axis: number; readonly extent: number };

  // Reductions over the given ascending axes, which disappear.
  /** The sum. */
  reduceSum: { readonly axes: readonly number[] };
  /** NaN where any element is NaN; -Infinity (the smallest integer) over nothing. */
  reduceMax: { readonly axes: readonly number[] };
  /** NaN where any element is NaN; +Infinity (the largest integer) over nothing. */
  reduceMin: { readonly axes: readonly number[] };
  /** -> int32: the first index of the largest element; the first NaN counts as largest. */
  argMax: { readonly axis: number };
  /** The running sum, from the end if `reverse`. */
  cumSum: { readonly axis: number; readonly reverse: boolean };

  /**
   * Contraction of two operands: batch axes (pairs), then free axes of the left, then of the right.
   * `contract` and `batch` list pairs [left axis, right axis].
   */
  dot: {
    readonly contract: readonly (readonly [number, number])[];
    readonly batch: readonly (readonly [number, number])[];
  };

  /**
   * Cross-correlation: x [groups, batch, ...spatial, in] and w [groups, ...window, in, out] give
   * [groups, batch, ...positions, out]; parameters for each spatial axis. x is spread (`inputDilation - 1` zeros
   * between neighbours) and padded with `low` and `high` zeros (negative: cut); elements of the window are
   * `kernelDilation` apart and windows `stride`. Sums go over the window in row-major order, then `in`.
   */
  conv: {
    readonly stride: readonly number[];
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly inputDilation: readonly number[];
    readonly kernelDilation: readonly number[];
  };

  /**
   * A user's function for each element: float32 operands of up to three axes -> float32 of `shape`. `source` is its
   * text (see `dialect/`), `constants` what it reads as this.constants.
   */
  customKernel: {
    readonly name: string;
    readonly shape: Shape;
    readonly constants: readonly (readonly [string, number])[];
    readonly source: string;
  };

  // Creation.
  /** 0, 1, 2, ... along one axis. */
  iota: { readonly shape: Shape; readonly dtype: DType; readonly axis: number };
  /** One value everywhere. */
  full: { readonly shape: Shape; readonly dtype: DType; readonly value: number };
  /** (key uint32[..., 2], counter uint32[..., 2]) -> uint32[..., 2]; leading axes broadcast. */
  threefry2x32: None;
}

/** The name of a primitive. */
export type PrimitiveName = keyof PrimitiveParams;

// deno-fmt-ignore -- a line a family
const elementwise = [
  "neg", "abs", "sign", "floor", "ceil", "round", "sqrt", "cbrt", "rcbrt", "exp", "expm1", "log", "log1p",
  "sin", "cos", "tanh", "logistic", "erf", "isFinite", "not", "cast", "bitcast", "stopGradient",
  "add", "sub", "mul", "div", "rem", "pow", "max", "min", "equal", "less", "lessEqual",
  "and", "or", "xor", "shiftLeft", "shiftRight", "select",
] as const;

/** Names of the primitives whose result at an index depends on the operands at that index only. */
export type ElementwiseName = (typeof elementwise)[number];

const elementwiseNames: ReadonlySet<string> = new Set(elementwise);

/** Whether a primitive works element by element (and so may write over an operand of the same size). */
export function isElementwise(name: PrimitiveName): name is ElementwiseName {
  return elementwiseNames.has(name);
}
