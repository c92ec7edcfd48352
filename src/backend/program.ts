import type { TensorSpec } from "../core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import type { Loop } from "./loop.ts";

/** What a kernel reads: a planned buffer seen as `spec`, or a scalar number. */
export type KernelOperand =
  | { readonly buffer: number; readonly spec: TensorSpec }
  | { readonly literal: number; readonly spec: TensorSpec };

/** One pass of machine work: it writes the whole of its output buffer. */
export interface Kernel<Name extends PrimitiveName = PrimitiveName> {
  readonly op: Name;
  readonly params: PrimitiveParams[Name];
  readonly operands: readonly KernelOperand[];
  readonly output: { readonly buffer: number; readonly spec: TensorSpec };
}

/** Many instructions in one pass: a loop nest over planned buffers, which writes the whole of all that it stores. */
export interface FusedKernel {
  readonly op: "loop";
  readonly loop: Loop;
}

/** Any step of a program. Only backends that fuse are given loops. */
export type AnyKernel = Kernel | FusedKernel;

/** Where a planned buffer lives. */
export type BufferPlan =
  /** Handed in by the caller. */
  | { readonly kind: "input"; readonly input: number; readonly byteLength: number }
  /** In the arena, which belongs to the executable and is reused by every run. */
  | { readonly kind: "arena"; readonly byteOffset: number; readonly byteLength: number }
  /** Made anew by every run, because it outlives it. */
  | { readonly kind: "fresh"; readonly byteLength: number };

/**
 * What the compiler hands to a backend: kernels in order over planned buffers. A kernel's output buffer is
 * distinct from its operands' unless the kernel is element-wise and both have the same size, or it is a loop
 * that reads and writes the buffer through one and the same access.
 */
export interface Program {
  readonly buffers: readonly BufferPlan[];
  readonly kernels: readonly AnyKernel[];
  /** The spec of each input; buffer i of `buffers` is input i. */
  readonly inputs: readonly TensorSpec[];
  /** The buffer that holds each output: a fresh one, or a donated input written in place. */
  readonly outputs: readonly { readonly buffer: number; readonly spec: TensorSpec }[];
  /** Bytes of the arena. */
  readonly arenaBytes: number;
}
