import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { DTypeError } from "../../src/core/errors.ts";

/** What a GPU takes: bfloat16 is kept as float32, and bool as 0 or 1 of 32 bits. */
export const deviceDTypes: readonly DType[] = ["float32", "int32", "uint32", "bool", "bfloat16"];

type Words = Float32Array | Int32Array | Uint32Array;

/** Elements as they lie on the device; the array itself where that is the same. */
export function toDevice(data: TypedArray): Words {
  if (data instanceof Float64Array) refuseDouble("tensor");
  if (data instanceof Uint8Array) return Uint32Array.from(data);
  // The upper half of a float32.
  if (data instanceof Uint16Array) return Uint32Array.from(data, (bits) => bits << 16);
  return data;
}

/** Elements as the host has them, from a copy of what lies on the device. */
export function fromDevice(bytes: ArrayBuffer, dtype: DType): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(bytes);
    case "int32":
      return new Int32Array(bytes);
    case "uint32":
      return new Uint32Array(bytes);
    case "bool":
      return Uint8Array.from(new Uint32Array(bytes));
    case "bfloat16":
      return Uint16Array.from(new Uint32Array(bytes), (bits) => bits >>> 16);
    case "float64":
      return refuseDouble("data");
  }
}

/** WGSL has no float64. */
export function refuseDouble(functionName: string): never {
  throw new DTypeError(
    functionName,
    `a GPU has no float64; expected ${deviceDTypes.join(", ")}: cast to float32, or use the ` +
      `device "cpu"`,
  );
}
