import { inNameOf } from "../core/in-name-of.ts";
import {
  equal as equalPrimitive,
  isFinite as isFinitePrimitive,
  less as lessPrimitive,
  lessEqual as lessEqualPrimitive,
  not,
} from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { promoteAll, promoteFloating } from "./promote.ts";

/**
 * Whether a = b, element by element with broadcasting, as bool; NaN is not equal to anything, itself included.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { equal, tensor } from "softstep";
 *
 * console.log(equal(tensor([1, 2, 3]), 2).toArray()); // => [ false, true, false ]
 * ```
 */
export function equal(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteAll("equal", a, b);
  return equalPrimitive(x!, y!);
}

/**
 * Whether a is not equal to b, element by element with broadcasting, as bool; NaN is not equal to anything, itself included.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { notEqual, tensor } from "softstep";
 *
 * console.log(notEqual(tensor([1, 2, 3]), 2).toArray()); // => [ true, false, true ]
 * ```
 */
export function notEqual(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteAll("notEqual", a, b);
  return inNameOf("notEqual", () => not(equalPrimitive(x!, y!)));
}

/**
 * Whether a < b, element by element with broadcasting, as bool; false where either is NaN.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { less, tensor } from "softstep";
 *
 * console.log(less(tensor([1, 2, 3]), 2).toArray()); // => [ true, false, false ]
 * ```
 */
export function less(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteAll("less", a, b);
  return lessPrimitive(x!, y!);
}

/**
 * Whether a <= b, element by element with broadcasting, as bool; false where either is NaN.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { lessEqual, tensor } from "softstep";
 *
 * console.log(lessEqual(tensor([1, 2, 3]), 2).toArray()); // => [ true, true, false ]
 * ```
 */
export function lessEqual(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteAll("lessEqual", a, b);
  return lessEqualPrimitive(x!, y!);
}

/**
 * Whether a > b, element by element with broadcasting, as bool; false where either is NaN.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { greater, tensor } from "softstep";
 *
 * console.log(greater(tensor([1, 2, 3]), 2).toArray()); // => [ false, false, true ]
 * ```
 */
export function greater(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteAll("greater", a, b);
  return inNameOf("greater", () => lessPrimitive(y!, x!));
}

/**
 * Whether a >= b, element by element with broadcasting, as bool; false where either is NaN.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { greaterEqual, tensor } from "softstep";
 *
 * console.log(greaterEqual(tensor([1, 2, 3]), 2).toArray()); // => [ false, true, true ]
 * ```
 */
export function greaterEqual(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteAll("greaterEqual", a, b);
  return inNameOf("greaterEqual", () => lessEqualPrimitive(y!, x!));
}

/**
 * Whether each element is neither NaN nor infinite, as bool.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { isFinite, tensor } from "softstep";
 *
 * console.log(isFinite(tensor([1, NaN, Infinity])).toArray()); // => [ true, false, false ]
 * ```
 */
export function isFinite(x: TensorLike): Tensor {
  return isFinitePrimitive(promoteFloating("isFinite", x)[0]!);
}

/**
 * Whether each element is NaN, as bool.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { isNaN, tensor } from "softstep";
 *
 * console.log(isNaN(tensor([1, NaN, Infinity])).toArray()); // => [ false, true, false ]
 * ```
 */
export function isNaN(x: TensorLike): Tensor {
  const [value] = promoteFloating("isNaN", x);
  return inNameOf("isNaN", () => not(equalPrimitive(value!, value!)));
}
