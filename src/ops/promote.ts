import { type DType, isFloating, promote } from "../core/dtype.ts";
import { DTypeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { describe } from "../core/value-kinds.ts";
import { cast } from "../primitives/mod.ts";
import { scalarTensor } from "../tensor/scalar.ts";
import { Tensor, type TensorLike } from "../tensor/tensor.ts";
import { defaultDevice, placedOn, placeOfAll } from "../tracing/placement.ts";

/** Refuses what is no tensor; `name` says which one, if it has a name. */
export function checkTensor(functionName: string, x: unknown, name = ""): asserts x is Tensor {
  if (x instanceof Tensor) return;
  const found = name === "" ? "cannot take" : `${name} is`;
  throw new DTypeError(functionName, `${found} ${describe(x)}; expected a tensor`);
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
  return castAll(functionName, operands, commonDType(functionName, operands));
}

/** As `promoteAll`, for arithmetic: bool counts as int32. */
export function promoteNumbers(functionName: string, ...operands: readonly TensorLike[]): Tensor[] {
  const common = commonDType(functionName, operands);
  return castAll(functionName, operands, common === "bool" ? "int32" : common);
}

/** As `promoteAll`, for functions of real numbers: integers and bool take the floating dtype, or float32. */
export function promoteFloating(
  functionName: string,
  ...operands: readonly TensorLike[]
): Tensor[] {
  const real = operands.filter((operand) =>
    !(operand instanceof Tensor) || isFloating(operand.dtype)
  );
  return castAll(functionName, operands, commonDType(functionName, real));
}

/** The dtype in which the tensors meet; float32 where there are only numbers. */
function commonDType(functionName: string, operands: readonly TensorLike[]): DType {
  let dtype: DType | undefined;
  for (const operand of operands) {
    if (typeof operand === "number") continue;
    checkTensor(functionName, operand);
    dtype = dtype === undefined ? operand.dtype : promote(functionName, dtype, operand.dtype);
  }
  return dtype ?? "float32";
}

function castAll(functionName: string, operands: readonly TensorLike[], dtype: DType): Tensor[] {
  return inNameOf(functionName, () => {
    // One alone is where it belongs.
    if (operands.length === 1) return [cast(toTensor(functionName, operands[0]!, dtype), dtype)];
    // A number of another dtype is cast where it will be used.
    const place = placeOfAll(operands.filter((operand) => operand instanceof Tensor));
    return operands.map((operand) =>
      cast(placedOn(toTensor(functionName, operand, dtype), place), dtype)
    );
  });
}
