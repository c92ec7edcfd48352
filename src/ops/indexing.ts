import { checkDType, type DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkCount } from "../core/options.ts";
import { formatShape, normalizeAxis } from "../core/shape.ts";
import { describeList } from "../core/value-kinds.ts";
import { cast, gather, slice as slicePrimitive } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { oneHotMask, toIndices } from "./indices.ts";
import { checkTensor } from "./promote.ts";

/**
 * The slices of x at the given indices along an axis, which is replaced by the indices' shape. An index outside
 * of 0 to extent - 1 gives NaN (the smallest value for integers, false for bool), so that a mistake shows.
 *
 * @throws {DTypeError} if the indices are no integers.
 * @throws {ShapeError} if the axis is out of range.
 *
 * @example
 * ```ts
 * import { take, tensor } from "softstep";
 *
 * const rows = take(tensor([[1, 2], [3, 4]]), tensor([1, 1, 0], { dtype: "int32" }));
 * console.log(rows.toArray()); // => [ [ 3, 4 ], [ 3, 4 ], [ 1, 2 ] ]
 * ```
 */
export function take(x: Tensor, indices: Tensor, axis = 0): Tensor {
  checkTensor("take", x);
  const along = normalizeAxis("take", axis, x.rank);
  return inNameOf("take", () => gather(x, toIndices("take", indices), along));
}

/**
 * 1 at the index and 0 elsewhere, along a new last axis; all 0 for an index out of range.
 *
 * @throws {DTypeError} if the indices are no integers.
 * @throws {OptionError} if the number of classes is not a whole number >= 0.
 *
 * @example
 * ```ts
 * import { oneHot, tensor } from "softstep";
 *
 * console.log(oneHot(tensor([1, 0], { dtype: "int32" }), 2).toArray()); // => [ [ 0, 1 ], [ 1, 0 ] ]
 * ```
 */
export function oneHot(indices: Tensor, classes: number, dtype: DType = "float32"): Tensor {
  checkCount("oneHot", "classes", classes);
  checkDType("oneHot", dtype);
  return inNameOf("oneHot", () => cast(oneHotMask("oneHot", indices, classes), dtype));
}

/**
 * The part of x from `start` (inclusive) to `limit` (exclusive) along each axis, by steps of `stride`. Axes
 * that are not named are kept whole; negative positions count from the end.
 *
 * @throws {ShapeError} if there are more entries than axes, or a range does not fit its axis.
 *
 * @example
 * ```ts
 * import { slice, tensor } from "softstep";
 *
 * console.log(slice(tensor([1, 2, 3, 4]), [1], [-1]).toArray()); // => [ 2, 3 ]
 * console.log(slice(tensor([1, 2, 3, 4]), [0], [4], [2]).toArray()); // => [ 1, 3 ]
 * ```
 */
export function slice(
  x: Tensor,
  start: readonly number[],
  limit: readonly number[] = [],
  stride: readonly number[] = [],
): Tensor {
  checkTensor("slice", x);
  for (const [name, list] of Object.entries({ start, limit, stride })) {
    if (Array.isArray(list) && list.every(Number.isInteger)) continue;
    throw new ShapeError(
      "slice",
      `${name} is ${describeList(list)}; expected an array of whole numbers`,
    );
  }
  if (Math.max(start.length, limit.length, stride.length) > x.rank) {
    throw new ShapeError("slice", `more positions than axes of ${formatShape(x.shape)} were given`);
  }
  const fromEnd = (position: number, extent: number) => position < 0 ? position + extent : position;
  const from = x.shape.map((extent, axis) => fromEnd(start[axis] ?? 0, extent));
  const to = x.shape.map((extent, axis) => fromEnd(limit[axis] ?? extent, extent));
  return slicePrimitive(x, from, to, x.shape.map((_, axis) => stride[axis] ?? 1));
}
