import { DTypeError } from "../core/errors.ts";
import { cast, equal, iota, reshape } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkTensor } from "./promote.ts";

/** Refuses indices that are no integers. */
export function toIndices(functionName: string, indices: Tensor): Tensor {
  checkTensor(functionName, indices);
  if (indices.dtype !== "int32" && indices.dtype !== "uint32") {
    throw new DTypeError(functionName, `indices are ${indices.dtype}; expected int32 or uint32`);
  }
  return cast(indices, "int32");
}

/** `oneHot` as bool. */
export function oneHotMask(functionName: string, indices: Tensor, classes: number): Tensor {
  const column = toIndices(functionName, indices);
  return equal(reshape(column, [...column.shape, 1]), iota([classes], "int32", 0, column));
}
