import { type DType, isFloating, promote } from "../core/dtype.ts";
import { DTypeError } from "../core/errors.ts";
import { cast } from "../primitives/mod.ts";
import { scalarTensor } from "../tensor/scalar.ts";
import { Tensor, type TensorLike } from "../tensor/tensor.ts";
import { defaultDevice } from "../tracing/execute.ts";
import { describe } from "../tree/tree.ts";

/** Refuses what is no tensor. */
export function checkTensor(functionName: string, x: unknown): asserts x is Tensor {
  if (!(x instanceof Tensor)) {
    throw new DTypeError(functionName, `cannot take ${describe(x)}; expected a tensor`);
  }
}

/** A tensor, or a number as a scalar of a dtype. */
export function toTensor(functionName: string, x: TensorLike, dtype: DType = "float32"): Tensor {
  if (typeof x === "number") return scalarTensor(functionName, x, dtype, defaultDevice);
  checkTensor(functionName, x);
  return x;
}

/**
 * Operands in their common dtype. Numbers take the dtype of the tensors that they meet (float32 where there
 * are only numbers), so that `mul(x, 0.5)` never changes the dtype of x.
 */
export function promoteAll(functionName: string, ...operands: readonly TensorLike[]): Tensor[] {
  let dtype: DType | undefined;
  for (const operand of operands) {
    if (typeof operand === "number") continue;
    checkTensor(functionName, operand);
    dtype = dtype === undefined ? operand.dtype : promote(functionName, dtype, operand.dtype);
  }
  const common = dtype ?? "float32";
  return operands.map((operand) => cast(toTensor(functionName, operand, common), common));
}

/** As `promoteAll`, for arithmetic: bool counts as int32. */
export function promoteNumbers(functionName: string, ...operands: readonly TensorLike[]): Tensor[] {
  const counted = operands.map((operand) =>
    operand instanceof Tensor && operand.dtype === "bool" ? cast(operand, "int32") : operand
  );
  return promoteAll(functionName, ...counted);
}

/** As `promoteAll`, for functions of real numbers: integers and bool become float32. */
export function promoteFloating(functionName: string, ...operands: readonly TensorLike[]): Tensor[] {
  const real = operands.map((operand) =>
    operand instanceof Tensor && !isFloating(operand.dtype) ? cast(operand, "float32") : operand
  );
  return promoteAll(functionName, ...real);
}
