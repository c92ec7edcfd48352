import { loopsOf } from "../../src/backend/kernel-loops.ts";
import type { Loop } from "../../src/backend/loop.ts";
import type { AnyKernel, Kernel } from "../../src/backend/program.ts";
import { splitReduction } from "../../src/backend/split-reduction.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { lowerInWindows } from "./kernel-windows.ts";
import { loopShader } from "./loop-shader.ts";
import { cutInWindows } from "./loop-windows.ts";
import { partsFor } from "./reduction-stages.ts";
import {
  elementBytes,
  type Lowered,
  type OtherShaders,
  type Shader,
  type ShaderLimits,
} from "./shader.ts";

/** What shaders are made for. */
export interface LowerTarget {
  readonly limits: ShaderLimits;
  readonly others: OtherShaders;
}

/**
 * Any kernel as shaders, run in order, and bytes of the buffers that they need between them. `byteLengths` are those of
 * the buffers so far.
 *
 * @throws {DeviceError} if a shader would need more buffers, or more of one, than the device lets it see.
 */
export function lower(
  kernel: AnyKernel,
  byteLengths: readonly number[],
  target: LowerTarget,
): Lowered {
  const other = lowerByOther(kernel, byteLengths, target);
  if (other !== undefined) return other;
  const lowered = lowerOwn(kernel, byteLengths, target);
  const all = [...byteLengths, ...lowered.buffers];
  for (const shader of lowered.shaders) checkBindings(kernel, shader, all, target.limits);
  return lowered;
}

/** By somebody else's shaders, where there are any and the device lets them see their buffers. */
function lowerByOther(
  kernel: AnyKernel,
  byteLengths: readonly number[],
  target: LowerTarget,
): Lowered | undefined {
  const { limits, others } = target;
  const made = others.kernel?.(kernel, byteLengths, limits);
  if (made === undefined) return undefined;
  const { shaders, rest, buffers, way } = made;
  const all = [...byteLengths, ...buffers];
  const fits = shaders.every(({ bindings }) =>
    bindings.length <= limits.buffers &&
    bindings.every(({ buffer }) => all[buffer]! <= limits.bindingBytes)
  );
  if (!fits) return undefined;
  const left: Shader[] = [];
  for (const kernel of rest) {
    const own = lower(kernel, all, { limits, others: {} });
    left.push(...own.shaders);
    all.push(...own.buffers);
  }
  return { shaders: [...shaders, ...left], buffers: all.slice(byteLengths.length), way };
}

function lowerOwn(
  kernel: AnyKernel,
  byteLengths: readonly number[],
  { limits, others }: LowerTarget,
): Lowered {
  const loops = kernel.op === "loop" ? [kernel.loop] : loopsOf(kernel);
  if (loops === undefined) return lowerOther(kernel as Kernel, byteLengths, limits, others);
  const shaders: Shader[] = [];
  const buffers: number[] = [];
  for (const loop of loops) {
    const parts = lowerLoop(loop, [...byteLengths, ...buffers], limits);
    shaders.push(...parts.shaders);
    buffers.push(...parts.buffers);
  }
  return { shaders, buffers };
}

function checkBindings(
  { op }: AnyKernel,
  { bindings, label }: Shader,
  byteLengths: readonly number[],
  limits: ShaderLimits,
): void {
  if (bindings.length > limits.buffers) {
    throw new DeviceError(
      "webgpu",
      `a kernel (${op}) takes ${bindings.length} buffers; expected at most ${limits.buffers}`,
    );
  }
  for (const { buffer, byteLength = byteLengths[buffer]! } of bindings) {
    if (byteLength <= limits.bindingBytes) continue;
    throw new DeviceError(
      "webgpu",
      `a kernel (${op}, ${label}) takes a tensor of ${byteLength} bytes on the device (4 an ` +
        `element), and cannot be cut into pieces that take at most ${limits.bindingBytes}, which is ` +
        `what this adapter binds at once; split the tensor, or use the device "cpu"`,
    );
  }
}

function lowerOther(
  kernel: Kernel,
  byteLengths: readonly number[],
  limits: ShaderLimits,
  { customKernel }: OtherShaders,
): Lowered {
  // There is nothing to compute where there are no elements.
  if (sizeOf(kernel.output.spec.shape) === 0) return { shaders: [], buffers: [] };
  if (kernel.op === "customKernel") {
    if (customKernel === undefined) {
      throw new DeviceError("customKernel", "this device has no compiler for it; expected gpu.js");
    }
    return { shaders: [customKernel(kernel as Kernel<"customKernel">, limits)], buffers: [] };
  }
  return lowerInWindows(kernel, byteLengths, limits);
}

/** A long reduction to few results in two stages, so that all of the GPU takes part. */
function lowerLoop(loop: Loop, byteLengths: readonly number[], limits: ShaderLimits): Lowered {
  const results = sizeOf(loop.extents.slice(0, loop.extents.length - loop.reduced));
  const stages = splitReduction(loop, byteLengths.length, {
    ...partsFor(results),
    bytesPerElement: () => elementBytes,
    buffersPerLoop: limits.buffers,
  }) ?? { loops: [loop], buffers: [] };
  const all = [...byteLengths, ...stages.buffers];
  return {
    shaders: stages.loops.flatMap((each) => shadersOf(each, all, limits)),
    buffers: stages.buffers,
  };
}

function shadersOf(loop: Loop, byteLengths: readonly number[], limits: ShaderLimits): Shader[] {
  // What cannot be cut is refused with its shader, which has a label.
  const pieces = cutInWindows(loop, (buffer) => byteLengths[buffer]!, limits) ??
    [{ loop, windows: new Map<number, never>() }];
  return pieces.flatMap(({ loop, windows }) => {
    const shader = loopShader(loop, limits);
    if (shader === undefined) return [];
    const bindings = shader.bindings.map((each) => ({ ...each, ...windows.get(each.buffer) }));
    return [{ ...shader, bindings }];
  });
}
