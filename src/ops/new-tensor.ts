/** Tensors that are made of no others: where they go. */
import { checkDeviceDType, type DeviceName } from "../backend/registry.ts";
import type { DType } from "../core/dtype.ts";
import { inNameOf } from "../core/in-name-of.ts";
import type { PrimitiveParams } from "../graph/instruction-set.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bind } from "../tracing/bind.ts";
import { execute } from "../tracing/execute.ts";
import { defaultDevice } from "../tracing/placement.ts";
import { currentStaging } from "../tracing/trace.ts";

/** Where a new tensor goes. The device of what `jit` traces is that of the program, which is known when it runs. */
export function placeFor(device: DeviceName | undefined): DeviceName | undefined {
  return device === "traced" && currentStaging() !== undefined ? undefined : device;
}

/** Computes a new tensor: on a device, or in the graph that is being traced. */
export function newTensor<Name extends "full" | "iota" | "customKernel">(
  functionName: string,
  name: Name,
  params: PrimitiveParams[Name],
  dtype: DType,
  device: DeviceName | undefined,
): Tensor {
  const isStaged = currentStaging() !== undefined;
  const target = device === undefined ? defaultDevice : device;
  if (device !== undefined || !isStaged) checkDeviceDType(functionName, dtype, target);
  return inNameOf(
    functionName,
    () => isStaged ? bind(name, params, []) : execute(name, params, [], target),
  );
}
