/** Kernels of a program as kernels of gpu.js, and what of them gpu.js cannot do. */
import { loopsOf } from "../../src/backend/kernel-loops.ts";
import type { Loop } from "../../src/backend/loop.ts";
import type { AnyKernel, Kernel } from "../../src/backend/program.ts";
import { sizeOf } from "../../src/core/shape.ts";
import {
  type KernelLimits,
  type LoopKernels,
  loopKernels,
  type StoreOrder,
} from "./loop-kernels.ts";
import { dotLoop, primitiveKernel } from "./primitive-kernels.ts";

/** The kernels, and what has to run elsewhere before their results take the places of what it reads. */
export type Kernels = Omit<LoopKernels, "rest"> & { readonly rest?: AnyKernel };

/** `sizeOfBuffer` gives elements; buffers from `firstFree` on are the kernels' own. */
export function kernelsOf(
  kernel: AnyKernel,
  limits: KernelLimits,
  sizeOfBuffer: (buffer: number) => number,
  firstFree: number,
  storeOrder: StoreOrder = "first computed first",
): Kernels {
  const ofLoop = (loop: Loop): LoopKernels =>
    loopKernels(loop, limits, sizeOfBuffer, firstFree, storeOrder);
  if (kernel.op === "loop") {
    const { rest, ...kernels } = ofLoop(kernel.loop);
    return { ...kernels, ...(rest !== undefined && { rest: { op: "loop", loop: rest } }) };
  }
  const elsewhere = { kernels: [], owned: [], results: [], rest: kernel };
  const [loop, ...others] = kernel.op === "dot"
    ? [dotLoop(kernel as Kernel<"dot">)]
    : loopsOf(kernel) ?? [];
  if (loop === undefined) {
    const source = primitiveKernel(kernel, firstFree, limits);
    if (source === undefined) return elsewhere;
    return {
      kernels: [source],
      owned: [sizeOf(kernel.output.spec.shape)],
      results: [{ owned: firstFree, buffer: kernel.output.buffer }],
    };
  }
  // Several loops fill parts of one buffer, which gpu.js cannot.
  if (others.length > 0) return elsewhere;
  const { rest, ...kernels } = ofLoop(loop);
  return rest === undefined ? kernels : elsewhere;
}
