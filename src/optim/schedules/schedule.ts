import { isFloating } from "../../core/dtype.ts";
import { cast } from "../../ops/shaping.ts";
import { toTensor } from "../../ops/promote.ts";
import type { Tensor, TensorLike } from "../../tensor/tensor.ts";

/**
 * A value that changes with the step: a pure function of the number of steps made so far, a scalar tensor (or
 * a number), so that it lives inside the compiled step. The result has the count's dtype if that is floating,
 * else float32.
 */
export type Schedule = (count: TensorLike) => Tensor;

/** The count as a floating scalar. */
export function toCount(functionName: string, count: TensorLike): Tensor {
  const tensor = toTensor(functionName, count);
  return isFloating(tensor.dtype) ? tensor : cast(tensor, "float32");
}
