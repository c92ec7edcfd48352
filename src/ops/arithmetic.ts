import { OptionError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import {
  abs as absPrimitive,
  add as addPrimitive,
  div as divPrimitive,
  max as maxPrimitive,
  min as minPrimitive,
  mul as mulPrimitive,
  neg as negPrimitive,
  pow as powPrimitive,
  rem as remPrimitive,
  sign as signPrimitive,
  sub as subPrimitive,
} from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { promoteFloating, promoteNumbers } from "./promote.ts";

/**
 * The sum `a + b`, element by element with broadcasting. Integers wrap around.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { add, tensor } from "softstep";
 *
 * console.log(add(tensor([1, 2]), 10).toArray()); // => [ 11, 12 ]
 * ```
 */
export function add(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteNumbers("add", a, b);
  return addPrimitive(x!, y!);
}

/**
 * The difference `a - b`, element by element with broadcasting. Integers wrap around.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { sub, tensor } from "softstep";
 *
 * console.log(sub(tensor([1, 2]), 10).toArray()); // => [ -9, -8 ]
 * ```
 */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteNumbers("sub", a, b);
  return subPrimitive(x!, y!);
}

/**
 * The product `a b`, element by element with broadcasting. Integers wrap around.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { mul, tensor } from "softstep";
 *
 * console.log(mul(tensor([1, 2]), tensor([[3], [4]])).toArray()); // => [ [ 3, 6 ], [ 4, 8 ] ]
 * ```
 */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteNumbers("mul", a, b);
  return mulPrimitive(x!, y!);
}

/**
 * The quotient `a / b`, element by element with broadcasting. Integers are divided as float32; by zero gives
 * ±Infinity or NaN.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { div, tensor } from "softstep";
 *
 * console.log(div(tensor([1, 2]), 4).toArray()); // => [ 0.25, 0.5 ]
 * ```
 */
export function div(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteFloating("div", a, b);
  return divPrimitive(x!, y!);
}

/**
 * The power `a^b`, element by element with broadcasting. `0^0` is 1; a negative base with a fraction as exponent
 * gives NaN. Integers count as float32.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { pow, tensor } from "softstep";
 *
 * console.log(pow(tensor([2, 3]), 2).toArray()); // => [ 4, 9 ]
 * ```
 */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteFloating("pow", a, b);
  return powPrimitive(x!, y!);
}

/**
 * The remainder of `a / b` with the sign of a, as JavaScript's `%`. A floating remainder by zero is NaN, an integer
 * one is a.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { remainder, tensor } from "softstep";
 *
 * console.log(remainder(tensor([7, -7]), 4).toArray()); // => [ 3, -3 ]
 * ```
 */
export function remainder(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteNumbers("remainder", a, b);
  return inNameOf("remainder", () => remPrimitive(x!, y!));
}

/**
 * The larger of a and b, element by element with broadcasting; NaN where either is NaN. Where they are equal each
 * gets half of the derivative.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { maximum, tensor } from "softstep";
 *
 * console.log(maximum(tensor([-1, 2]), 0).toArray()); // => [ 0, 2 ]
 * ```
 */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteNumbers("maximum", a, b);
  return inNameOf("maximum", () => maxPrimitive(x!, y!));
}

/**
 * The smaller of a and b, element by element with broadcasting; NaN where either is NaN. Where they are equal each
 * gets half of the derivative.
 *
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { minimum, tensor } from "softstep";
 *
 * console.log(minimum(tensor([-1, 2]), 0).toArray()); // => [ -1, 0 ]
 * ```
 */
export function minimum(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteNumbers("minimum", a, b);
  return inNameOf("minimum", () => minPrimitive(x!, y!));
}

/**
 * The negative `-x`.
 *
 * @throws {DTypeError} if the dtype is not numeric and signed.
 *
 * @example
 * ```ts
 * import { neg, tensor } from "softstep";
 *
 * console.log(neg(tensor([1, -2])).toArray()); // => [ -1, 2 ]
 * ```
 */
export function neg(x: TensorLike): Tensor {
  return negPrimitive(promoteNumbers("neg", x)[0]!);
}

/**
 * The absolute value `|x|`; its derivative at 0 is 0.
 *
 * @throws {DTypeError} if the dtype is not numeric and signed.
 *
 * @example
 * ```ts
 * import { abs, tensor } from "softstep";
 *
 * console.log(abs(tensor([1, -2])).toArray()); // => [ 1, 2 ]
 * ```
 */
export function abs(x: TensorLike): Tensor {
  return absPrimitive(promoteNumbers("abs", x)[0]!);
}

/**
 * -1, 0 or 1; NaN for NaN. Its derivative is 0.
 *
 * @throws {DTypeError} if the dtype is not numeric and signed.
 *
 * @example
 * ```ts
 * import { sign, tensor } from "softstep";
 *
 * console.log(sign(tensor([3, 0, -2])).toArray()); // => [ 1, 0, -1 ]
 * ```
 */
export function sign(x: TensorLike): Tensor {
  return signPrimitive(promoteNumbers("sign", x)[0]!);
}

/**
 * The square `x^2`.
 *
 * @throws {DTypeError} if the dtype is not numeric.
 *
 * @example
 * ```ts
 * import { square, tensor } from "softstep";
 *
 * console.log(square(tensor([1, -2])).toArray()); // => [ 1, 4 ]
 * ```
 */
export function square(x: TensorLike): Tensor {
  const [value] = promoteNumbers("square", x);
  return inNameOf("square", () => mulPrimitive(value!, value!));
}

/**
 * x limited to the range from `low` to `high`, element by element with broadcasting; NaN stays NaN.
 *
 * @throws {OptionError} if `low` and `high` are numbers and the range is empty.
 * @throws {DTypeError} if the dtypes have no common dtype, or a number does not fit it.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { clip, tensor } from "softstep";
 *
 * console.log(clip(tensor([-2, 0.5, 2]), -1, 1).toArray()); // => [ -1, 0.5, 1 ]
 * ```
 */
export function clip(x: TensorLike, low: TensorLike, high: TensorLike): Tensor {
  if (typeof low === "number" && typeof high === "number" && !(low <= high)) {
    throw new OptionError("clip", `the range ${low} to ${high} is empty; expected low <= high`);
  }
  const [value, least, most] = promoteNumbers("clip", x, low, high);
  return inNameOf("clip", () => minPrimitive(maxPrimitive(value!, least!), most!));
}
