import type { DeviceName } from "../backend/registry.ts";
import type { DType } from "../core/dtype.ts";
import { DTypeError } from "../core/errors.ts";
import { literalStorage } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/**
 * A number as an element of a dtype: rounded for float32; refused where an integer dtype cannot hold it.
 */
export function roundTo(functionName: string, value: number, dtype: DType): number {
  switch (dtype) {
    case "float64":
    case "bfloat16":
      return value;
    case "float32":
      return Math.fround(value);
    case "bool":
      if (value === 0 || value === 1) return value;
      break;
    case "int32":
      if (value === (value | 0)) return value | 0;
      break;
    case "uint32":
      if (value === value >>> 0) return value >>> 0;
      break;
  }
  throw new DTypeError(
    functionName,
    `${value} is no ${dtype} value; round it, or compute in another dtype: cast(x, "float32")`,
  );
}

/** A scalar tensor of a number. Inside `jit` it is traced as that number, not as memory. */
export function scalarTensor(
  functionName: string,
  value: number,
  dtype: DType,
  device: DeviceName,
): Tensor {
  return new Tensor(
    { shape: [], dtype },
    literalStorage(device, roundTo(functionName, value, dtype)),
  );
}
