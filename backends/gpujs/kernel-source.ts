import type { DType } from "../../src/core/dtype.ts";

/** An array argument of a generated kernel. */
export interface ArrayArgument {
  /** A planned buffer, or one of the step's own that lie behind them. */
  readonly buffer: number;
  readonly dtype: DType;
}

/** A kernel in gpu.js's dialect: arguments are the arrays, `a0`, `a1`, ..., and then numbers, `s0`, ... */
export interface KernelSource {
  readonly source: string;
  /** Functions of functions.ts that it calls. */
  readonly functions: readonly string[];
  readonly arrays: readonly ArrayArgument[];
  readonly numbers: readonly number[];
  /** One to three extents, the innermost first; the result is written densely. */
  readonly output: readonly number[];
  /** What is written, and as what. */
  readonly result: ArrayArgument;
  /** Buffers of which each thread reads the element at the place of its result, and no other. */
  readonly readsInPlace: readonly number[];
}
