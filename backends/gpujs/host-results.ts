/** Results that gpu.js's kernels keep on a device: each its last one, into which it writes again if nobody else has it. */
import type { GpujsKernelFunction } from "./gpu.ts";

/** What a kernel gave. */
export interface KernelResult {
  readonly kernel: GpujsKernelFunction;
  readonly byteLength: number;
}

/** Counts what kernels keep although no tensor has it any more. */
export interface KeptResults {
  /** A kernel has run. */
  note(kernel: GpujsKernelFunction, byteLength: number): KernelResult;
  /** No tensor has this any more. */
  release(result: KernelResult): void;
  /** A kernel is gone, with what it kept. */
  forget(kernel: GpujsKernelFunction): void;
  bytes(): number;
}

/** Begins to count. */
export function keptResults(): KeptResults {
  const last = new Map<GpujsKernelFunction, KernelResult>();
  const unused = new Set<KernelResult>();
  let bytes = 0;

  function forget(kernel: GpujsKernelFunction): void {
    const result = last.get(kernel);
    last.delete(kernel);
    if (result !== undefined && unused.delete(result)) bytes -= result.byteLength;
  }

  return {
    note(kernel, byteLength) {
      forget(kernel);
      const result = { kernel, byteLength };
      last.set(kernel, result);
      return result;
    },
    release(result) {
      if (last.get(result.kernel) !== result) return;
      unused.add(result);
      bytes += result.byteLength;
    },
    forget,
    bytes: () => bytes,
  };
}
