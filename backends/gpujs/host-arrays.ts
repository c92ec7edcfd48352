/** Elements of four bytes, as devices hold them, and as the host does. */
import {
  allocate,
  type DType,
  fromBFloat16Bits,
  toBFloat16Bits,
  type TypedArray,
} from "../../src/core/dtype.ts";

/** Elements in four bytes each: bool as 0 and 1, bfloat16 as the number that it stands for. */
export type WideArray = Float32Array | Int32Array | Uint32Array;

/** The array that views elements of a dtype. */
export function wideView(dtype: DType, data: ArrayBufferLike): WideArray {
  switch (dtype) {
    case "int32":
      return new Int32Array(data);
    case "uint32":
    case "bool":
      return new Uint32Array(data);
    default:
      return new Float32Array(data);
  }
}

/** A copy of a host's array. Arrays of 8 and 16 bits hold bool and bfloat16. */
export function widened(data: TypedArray): WideArray {
  if (data instanceof Uint16Array) return Float32Array.from(data, fromBFloat16Bits);
  if (data instanceof Uint8Array) return Uint32Array.from(data);
  if (data instanceof Float64Array) return Float32Array.from(data);
  return data.slice();
}

/** A copy as the host has it. */
export function narrowed(dtype: DType, wide: WideArray): TypedArray {
  if (dtype !== "bool" && dtype !== "bfloat16") return wide.slice();
  const narrow = allocate(dtype, wide.length);
  if (dtype === "bool") narrow.set(wide);
  else wide.forEach((value, i) => narrow[i] = toBFloat16Bits(value));
  return narrow;
}

/** Whether a dtype's elements lie in memory as the host has them. */
export function isWide(dtype: DType): boolean {
  return dtype !== "bool" && dtype !== "bfloat16";
}
