import { DTypeError } from "./errors.ts";
import { describe } from "./value-kinds.ts";

/**
 * The element types. `float32` is the default. `float64`, `int32`, `uint32` and `bool` compute too;
 * `bfloat16` is a storage type (optimizer state): it can be kept, moved and cast, not computed with.
 */
export type DType = "float32" | "float64" | "int32" | "uint32" | "bool" | "bfloat16";

/** The JavaScript arrays that hold elements: `Uint8Array` for `bool`, `Uint16Array` for `bfloat16`. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Uint16Array;

/** Every dtype, in the order of promotion where there is one. */
export const dtypes: readonly DType[] = [
  "bool",
  "int32",
  "uint32",
  "bfloat16",
  "float32",
  "float64",
];

const bytes: Record<DType, number> = {
  bool: 1,
  int32: 4,
  uint32: 4,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

/** Bytes that one element takes. */
export function bytesPerElement(dtype: DType): number {
  return bytes[dtype];
}

/** Whether the value names a dtype. */
export function isDType(value: unknown): value is DType {
  return typeof value === "string" && Object.hasOwn(bytes, value);
}

/** Refuses an unknown dtype. */
export function checkDType(functionName: string, dtype: unknown): asserts dtype is DType {
  if (!isDType(dtype)) {
    throw new DTypeError(
      functionName,
      `unknown dtype ${
        describe(dtype)
      }; expected float32, float64, int32, uint32, bool or bfloat16`,
    );
  }
}

/** Whether the dtype holds real numbers (and so can carry a derivative). */
export function isFloating(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "bfloat16";
}

/** Whether the dtype holds whole numbers (`bool` is none). */
export function isInteger(dtype: DType): boolean {
  return dtype === "int32" || dtype === "uint32";
}

/** A new array of zeros with room for `size` elements. */
export function allocate(dtype: DType, size: number): TypedArray {
  return viewOf(dtype, new ArrayBuffer(size * bytes[dtype]), 0, size);
}

/** A typed view of `size` elements at `byteOffset` of a buffer. */
export function viewOf(
  dtype: DType,
  buffer: ArrayBuffer,
  byteOffset: number,
  size: number,
): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, size);
    case "float64":
      return new Float64Array(buffer, byteOffset, size);
    case "int32":
      return new Int32Array(buffer, byteOffset, size);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, size);
    case "bool":
      return new Uint8Array(buffer, byteOffset, size);
    case "bfloat16":
      return new Uint16Array(buffer, byteOffset, size);
  }
}

/** The dtype whose elements this kind of array holds as they are, or undefined. */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint32Array) return "uint32";
  // Not every runtime has the class.
  if (Object.prototype.toString.call(array) === "[object Float16Array]") return "float32";
  return undefined;
}

/**
 * The dtype in which two tensors meet: `bool < int32 < float32 < float64` and `bool < uint32 < float32`.
 * No dtype holds both int32 and uint32, and bfloat16 only stores: those pairs are refused.
 */
export function promote(functionName: string, a: DType, b: DType): DType {
  if (a === b) return a;
  const refuse = a === "bfloat16" || b === "bfloat16" || (isInteger(a) && isInteger(b));
  if (refuse) {
    throw new DTypeError(
      functionName,
      `no common dtype for ${a} and ${b}; cast one of them, for example cast(x, "float32")`,
    );
  }
  return dtypes.indexOf(a) > dtypes.indexOf(b) ? a : b;
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** The bits of the bfloat16 nearest to a number (ties to even; NaN stays NaN). */
export function toBFloat16Bits(value: number): number {
  scratchFloat[0] = value;
  let bits = scratchBits[0]!;
  if (value !== value) return (bits >>> 16) | 0x40;
  // What float32 rounds away still decides what is a tie: cut it off and mark the last bit instead.
  const single = scratchFloat[0]!;
  if (single !== value) bits = (Math.abs(single) > Math.abs(value) ? bits - 1 : bits) | 1;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that bfloat16 bits stand for. */
export function fromBFloat16Bits(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratchFloat[0]!;
}
