import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";

/** Numbers from -1 to 1, or any whole ones, from a seed. */
export function fillSeeded(dtype: DType, shape: Shape, seed: number): TypedArray {
  const array = allocate(dtype, sizeOf(shape));
  let state = seed | 1;
  for (let i = 0; i < array.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    array[i] = dtype.startsWith("float") ? state / 2 ** 31 : state;
  }
  return array;
}
