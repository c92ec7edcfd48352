/** Primitives that are no loops, as shaders. */
import { DeviceError } from "../../../src/core/errors.ts";
import type { Kernel } from "../../../src/backend/program.ts";
import type { PrimitiveName } from "../../../src/graph/instruction-set.ts";
import type { Lower, Lowered, ShaderLimits } from "../shader.ts";
import { lowerArgMax } from "./arg-max.ts";
import { lowerConv } from "./conv.ts";
import { lowerCumSum } from "./cum-sum.ts";
import { lowerDot } from "./dot.ts";
import { lowerGather } from "./gather.ts";
import { lowerScatterAdd } from "./scatter-add.ts";

const table: { readonly [Name in PrimitiveName]?: Lower<Kernel<Name>> } = {
  argMax: lowerArgMax,
  conv: lowerConv,
  cumSum: lowerCumSum,
  dot: lowerDot,
  gather: lowerGather,
  scatterAdd: lowerScatterAdd,
};

/**
 * A kernel as shaders that run in order, and the further buffers that they need, numbered from `firstBuffer` on.
 * Buffers may hold anything before.
 *
 * @throws {DeviceError} for a primitive that is a loop, and for dtypes that it does not take.
 */
export function lowerKernel<Name extends PrimitiveName>(
  kernel: Kernel<Name>,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  const lower: Lower<Kernel<Name>> | undefined = table[kernel.op];
  if (lower === undefined) {
    throw new DeviceError("webgpu", `${kernel.op} is no kernel of its own; expected a loop`);
  }
  return lower(kernel, firstBuffer, limits);
}
