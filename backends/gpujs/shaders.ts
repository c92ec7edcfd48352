/** Mode "webgpu": kernels of a program as WGSL by gpu.js, for a backend on WebGPU to run among its own. */
import type { Loop } from "../../src/backend/loop.ts";
import type { AnyKernel, Kernel } from "../../src/backend/program.ts";
import { customShader } from "./custom-shader.ts";
import type { KernelSource } from "./kernel-source.ts";
import type { KernelLimits } from "./loop-kernels.ts";
import { placedKernels } from "./placement.ts";
import {
  type TranslatedLimits,
  type TranslatedShader,
  translatedShader,
  type Wgsl,
} from "./translated-shader.ts";
import { functionsForWgsl } from "./wgsl-functions.ts";

/** What a device lets shaders have. */
export interface ShaderLimits extends TranslatedLimits {
  /** Buffers that one of them sees. */
  readonly buffers: number;
}

/** A kernel as shaders. */
export interface TranslatedKernels {
  readonly shaders: readonly TranslatedShader[];
  /** What gpu.js cannot do of it, to be run after the shaders, in order. */
  readonly rest: readonly AnyKernel[];
  /** Bytes of the buffers between them, numbered from the first that was free. */
  readonly buffers: readonly number[];
  /** How it runs, for people to read. */
  readonly way: string;
}

/** Makes shaders of a kernel; undefined where gpu.js cannot do anything of it. `byteLengths` are those of all buffers. */
export type TranslateKernel = (
  kernel: AnyKernel,
  byteLengths: readonly number[],
  limits: ShaderLimits,
) => TranslatedKernels | undefined;

const elementBytes = 4;
const label = "gpu.js";

/** Kernels by gpu.js. */
export function kernelTranslator(wgsl: Wgsl): TranslateKernel {
  return (kernel, byteLengths, limits) => {
    if (kernel.op === "customKernel") {
      if (kernel.output.spec.shape.includes(0)) return undefined;
      const shader = customShader(wgsl, kernel as Kernel<"customKernel">, limits);
      return { shaders: [shader], rest: [], buffers: [], way: label };
    }
    const firstFree = byteLengths.length;
    const sizeOf = (buffer: number): number => byteLengths[buffer]! / elementBytes;
    const { kernels, owned, rest, copies } = placedKernels(
      kernel,
      kernelLimits(limits),
      sizeOf,
      firstFree,
    );
    if (kernels.length === 0) return undefined;
    const lengthOf = (buffer: number): number =>
      buffer < firstFree ? sizeOf(buffer) : owned[buffer - firstFree]!;
    const shaderOf = (source: KernelSource): TranslatedShader => {
      const arrays = source.arrays.map((each) => ({ ...each, size: [lengthOf(each.buffer)] }));
      const placed = { ...source, ...functionsForWgsl(source.functions), arrays };
      return translatedShader(wgsl, placed, limits, label);
    };
    const left = [
      ...(rest === undefined ? [] : [rest]),
      ...copies.map(({ from, to }) => copyKernel(from, to, lengthOf(from))),
    ];
    return {
      shaders: kernels.map(shaderOf),
      rest: left,
      buffers: owned.map((size) => elementBytes * size),
      way: left.length === 0 ? label : `${label} and WGSL`,
    };
  };
}

/** What kernels may be like on a device. */
function kernelLimits({ workgroupsPerDimension: most, buffers }: ShaderLimits): KernelLimits {
  return {
    arrays: buffers - 1,
    threads: [8 * most, 8 * most, most],
    threadsInARow: 2 ** 31 - 1,
    // Mesa's llvmpipe leaves loops after so many, and says nothing.
    turns: 2 ** 16 - 1,
    rounds: false,
    wgslFunctions: true,
  };
}

/** Bits as they are: as numbers some of them would be subnormal. */
function copyKernel(from: number, to: number, length: number): AnyKernel {
  const dtype = "uint32";
  const access = (buffer: number) => ({ buffer, dtype, offset: 0, strides: [1] }) as const;
  const loop: Loop = {
    extents: [length],
    reduced: 0,
    statements: [{ kind: "load", access: access(from), dtype }],
    stores: [{ statement: 0, access: access(to) }],
  };
  return { op: "loop", loop };
}
