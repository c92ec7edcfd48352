import type { TypedArray } from "../../src/core/dtype.ts";

/**
 * A kernel made ready: writes the whole of `out`. All that depends on shapes alone was worked out before.
 * Arrays hold elements in row-major order; `out` may be one of the operands where the kernel is
 * element-wise, so an element is never read after it was written.
 */
export type Run = (out: TypedArray, operands: readonly TypedArray[]) => void;

/**
 * The elements as bits. Loops that only move elements then meet at most four kinds of array (of 8, 16, 32
 * and 64 bits); from the fifth kind on V8 leaves its fast code and a loop gets twenty times slower.
 */
export function bits(array: TypedArray): TypedArray {
  return array instanceof Float32Array || array instanceof Uint32Array
    ? new Int32Array(array.buffer, array.byteOffset, array.length)
    : array;
}
