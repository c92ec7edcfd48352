import type { MemoryStatistics } from "../../src/backend/backend.ts";
import type { AnyKernel } from "../../src/backend/program.ts";
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import type { HelperFunction } from "./gpu.ts";
import type { KernelLimits } from "./loop-kernels.ts";

/** A kernel in gpu.js's dialect, ready to be compiled: its arguments are arrays and then numbers. */
export interface DialectKernel {
  readonly source: string;
  readonly functions: readonly HelperFunction[];
  /** Extents of each array, innermost first, and what its elements are. */
  readonly arrays: readonly { readonly size: readonly number[]; readonly dtype: DType }[];
  readonly numbers: readonly number[];
  /** One to three extents of the result, innermost first. */
  readonly output: readonly number[];
  readonly dtype: DType;
  /** Turns after which gpu.js ends a loop whose bounds are no constants; 1,000 where absent. */
  readonly loopMaxIterations?: number;
}

/** Runs on memory, into memory that is new: gpu.js never writes over what it reads. */
export type RunKernel<M> = (arrays: readonly M[]) => M;

/** Memory and kernels of one of gpu.js's modes. Elements take four bytes. */
export interface Mode<M> {
  readonly name: string;
  readonly limits: KernelLimits;
  upload(data: TypedArray): M;
  download(memory: M, dtype: DType): TypedArray;
  /** Memory of any content. */
  allocate(byteLength: number): M;
  release(memory: M): void;
  compile(kernel: DialectKernel): RunKernel<M>;
  /** A kernel without gpu.js; it writes in place. */
  compileElsewhere(kernel: AnyKernel): (memoryOf: (buffer: number) => M) => void;
  /** Whether its memory is gone for good. */
  isLost(): boolean;
  describe(): string;
  memory(): MemoryStatistics;
}
