import { checkDType, type DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import {
  broadcastShapes,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  type Shape,
  sizeOf,
  withoutAxes,
} from "../core/shape.ts";
import { describe, describeList } from "../core/value-kinds.ts";
import {
  broadcastTo as broadcastToPrimitive,
  cast as castPrimitive,
  concat as concatPrimitive,
  flip as flipPrimitive,
  reshape as reshapePrimitive,
  stopGradient as stopGradientPrimitive,
  transpose as transposePrimitive,
} from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkTensor } from "./promote.ts";

/**
 * The same elements, in row-major order, under another shape. One extent may be -1: it is what remains.
 *
 * @throws {ShapeError} if the number of elements differs.
 *
 * @example
 * ```ts
 * import { reshape, tensor } from "softstep";
 *
 * console.log(reshape(tensor([1, 2, 3, 4]), [2, -1]).toArray()); // => [ [ 1, 2 ], [ 3, 4 ] ]
 * ```
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor("reshape", x);
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (open < 0) {
    checkShape("reshape", shape);
    return reshapePrimitive(x, [...shape]);
  }
  const rest = shape.filter((_, axis) => axis !== open);
  if (rest.includes(-1)) {
    throw new ShapeError("reshape", `${formatShape(shape)} has several extents -1; expected one`);
  }
  checkShape("reshape", rest);
  const extent = x.size / sizeOf(rest);
  if (!Number.isInteger(extent)) {
    throw new ShapeError(
      "reshape",
      `${formatShape(x.shape)} has ${x.size} elements, which ${formatShape(shape)} cannot divide`,
    );
  }
  return reshapePrimitive(x, shape.map((known, axis) => axis === open ? extent : known));
}

/**
 * The axes in another order: axis i of the result is axis `permutation[i]` of x. Without a permutation their
 * order is reversed.
 *
 * @throws {ShapeError} if it is no permutation of the axes.
 *
 * @example
 * ```ts
 * import { tensor, transpose } from "softstep";
 *
 * console.log(transpose(tensor([[1, 2, 3]])).toArray()); // => [ [ 1 ], [ 2 ], [ 3 ] ]
 * ```
 */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  checkTensor("transpose", x);
  if (permutation === undefined) {
    return transposePrimitive(x, x.shape.map((_, axis) => x.rank - 1 - axis));
  }
  const axes = Array.isArray(permutation)
    ? permutation.map((axis) => normalizeAxis("transpose", axis, x.rank))
    : undefined;
  if (axes?.length !== x.rank || new Set(axes).size !== x.rank) {
    throw new ShapeError(
      "transpose",
      `${describeList(permutation)} is no permutation of the ${x.rank} axes of ${
        formatShape(x.shape)
      }`,
    );
  }
  return transposePrimitive(x, axes);
}

/**
 * x repeated along new leading axes and axes of extent 1, by NumPy's rules.
 *
 * @throws {ShapeError} if the shape cannot be reached.
 *
 * @example
 * ```ts
 * import { broadcastTo, tensor } from "softstep";
 *
 * console.log(broadcastTo(tensor([1, 2]), [2, 2]).toArray()); // => [ [ 1, 2 ], [ 1, 2 ] ]
 * ```
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkTensor("broadcastTo", x);
  checkShape("broadcastTo", shape);
  if (!sameShape(broadcastShapes("broadcastTo", x.shape, shape), shape)) {
    throw new ShapeError(
      "broadcastTo",
      `${formatShape(x.shape)} does not broadcast to ${
        formatShape(shape)
      }; expected equal extents or 1`,
    );
  }
  return inNameOf("broadcastTo", () => broadcastToPrimitive(x, [...shape]));
}

/**
 * x with a new axis of extent 1 in front of each of the given axes of the result.
 *
 * @throws {ShapeError} if an axis is out of range.
 *
 * @example
 * ```ts
 * import { expandDims, tensor } from "softstep";
 *
 * console.log(expandDims(tensor([1, 2]), 1).toArray()); // => [ [ 1 ], [ 2 ] ]
 * ```
 */
export function expandDims(x: Tensor, axis: number | readonly number[]): Tensor {
  checkTensor("expandDims", x);
  const axes = [axis].flat();
  const rank = x.rank + axes.length;
  const added = normalizeAxes("expandDims", axes, rank);
  let next = 0;
  const shape = Array.from({ length: rank }, (_, i) => added.includes(i) ? 1 : x.shape[next++]!);
  return inNameOf("expandDims", () => reshapePrimitive(x, shape));
}

/**
 * x without axes of extent 1: all of them, or the given ones.
 *
 * @throws {ShapeError} if a given axis is out of range or has another extent.
 *
 * @example
 * ```ts
 * import { squeeze, tensor } from "softstep";
 *
 * console.log(squeeze(tensor([[1], [2]])).toArray()); // => [ 1, 2 ]
 * ```
 */
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  checkTensor("squeeze", x);
  const ones = x.shape.flatMap((extent, i) => extent === 1 ? [i] : []);
  const removed = axis === undefined ? ones : normalizeAxes("squeeze", axis, x.rank);
  const wrong = removed.find((i) => x.shape[i] !== 1);
  if (wrong !== undefined) {
    throw new ShapeError("squeeze", `axis ${wrong} of ${formatShape(x.shape)} is not 1`);
  }
  return inNameOf("squeeze", () => reshapePrimitive(x, withoutAxes(x.shape, removed)));
}

/** Refuses what is no list of tensors; gives the first of them. */
function firstOf(functionName: string, tensors: readonly Tensor[]): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0) {
    const found = Array.isArray(tensors) ? "no tensors" : `cannot take ${describe(tensors)}`;
    throw new ShapeError(functionName, `${found}; expected an array of one tensor or more`);
  }
  for (const x of tensors) checkTensor(functionName, x);
  return tensors[0];
}

/**
 * Tensors one after the other along an existing axis.
 *
 * @throws {ShapeError} if there are none, or they differ along another axis.
 * @throws {DTypeError} if they have different dtypes.
 *
 * @example
 * ```ts
 * import { concat, tensor } from "softstep";
 *
 * console.log(concat([tensor([1, 2]), tensor([3])]).toArray()); // => [ 1, 2, 3 ]
 * ```
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = firstOf("concat", tensors);
  return concatPrimitive([...tensors], normalizeAxis("concat", axis, first.rank));
}

/**
 * Tensors of one shape side by side along a new axis.
 *
 * @throws {ShapeError} if there are none, or their shapes differ.
 * @throws {DTypeError} if they have different dtypes.
 *
 * @example
 * ```ts
 * import { stack, tensor } from "softstep";
 *
 * console.log(stack([tensor([1, 2]), tensor([3, 4])]).toArray()); // => [ [ 1, 2 ], [ 3, 4 ] ]
 * ```
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const at = normalizeAxis("stack", axis, firstOf("stack", tensors).rank + 1);
  return inNameOf("stack", () => concatPrimitive(tensors.map((x) => expandDims(x, at)), at));
}

/**
 * The elements in reverse order along the given axes (all by default).
 *
 * @throws {ShapeError} if an axis is out of range.
 *
 * @example
 * ```ts
 * import { flip, tensor } from "softstep";
 *
 * console.log(flip(tensor([1, 2, 3])).toArray()); // => [ 3, 2, 1 ]
 * ```
 */
export function flip(x: Tensor, axis?: number | readonly number[]): Tensor {
  checkTensor("flip", x);
  return flipPrimitive(x, normalizeAxes("flip", axis, x.rank));
}

/**
 * The elements in another dtype. Floats become integers by dropping the fraction (out of range: the nearest
 * end; NaN: 0) and bool by comparing with 0; bfloat16 rounds to the nearest, ties to even.
 *
 * @throws {DTypeError} if the dtype is unknown.
 *
 * @example
 * ```ts
 * import { cast, tensor } from "softstep";
 *
 * console.log(cast(tensor([1.7, -1.7]), "int32").toArray()); // => [ 1, -1 ]
 * ```
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkTensor("cast", x);
  checkDType("cast", dtype);
  return castPrimitive(x, dtype);
}

/**
 * x itself, which derivatives see as a constant.
 *
 * @example
 * ```ts
 * import { grad, mul, stopGradient, type Tensor, tensor } from "softstep";
 *
 * console.log(grad((x: Tensor) => mul(x, stopGradient(x)))(tensor(3)).item()); // => 3
 * ```
 */
export function stopGradient(x: Tensor): Tensor {
  checkTensor("stopGradient", x);
  return stopGradientPrimitive(x);
}
