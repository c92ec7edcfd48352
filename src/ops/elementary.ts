import {
  cbrt as cbrtPrimitive,
  ceil as ceilPrimitive,
  cos as cosPrimitive,
  erf as erfPrimitive,
  exp as expPrimitive,
  expm1 as expm1Primitive,
  floor as floorPrimitive,
  log as logPrimitive,
  log1p as log1pPrimitive,
  round as roundPrimitive,
  sin as sinPrimitive,
  sqrt as sqrtPrimitive,
  tanh as tanhPrimitive,
} from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { promoteFloating } from "./promote.ts";

/**
 * The exponential e^x. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { exp, tensor } from "softstep";
 *
 * console.log(exp(tensor([0, 1])).toArray()); // => [ 1, 2.7182817459106445 ]
 * ```
 */
export function exp(x: TensorLike): Tensor {
  return expPrimitive(promoteFloating("exp", x)[0]!);
}

/**
 * e^x - 1, accurate near 0. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { expm1, tensor } from "softstep";
 *
 * console.log(expm1(tensor([0, 1])).toArray()); // => [ 0, 1.718281865119934 ]
 * ```
 */
export function expm1(x: TensorLike): Tensor {
  return expm1Primitive(promoteFloating("expm1", x)[0]!);
}

/**
 * The natural logarithm; -Infinity at 0, NaN below. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { log, tensor } from "softstep";
 *
 * console.log(log(tensor([1, 0])).toArray()); // => [ 0, -Infinity ]
 * ```
 */
export function log(x: TensorLike): Tensor {
  return logPrimitive(promoteFloating("log", x)[0]!);
}

/**
 * log(1 + x), accurate near 0. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { log1p, tensor } from "softstep";
 *
 * console.log(log1p(tensor([0, 1])).toArray()); // => [ 0, 0.6931471824645996 ]
 * ```
 */
export function log1p(x: TensorLike): Tensor {
  return log1pPrimitive(promoteFloating("log1p", x)[0]!);
}

/**
 * The square root; NaN below 0. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { sqrt, tensor } from "softstep";
 *
 * console.log(sqrt(tensor([4, 9])).toArray()); // => [ 2, 3 ]
 * ```
 */
export function sqrt(x: TensorLike): Tensor {
  return sqrtPrimitive(promoteFloating("sqrt", x)[0]!);
}

/**
 * The cube root, of negative numbers too. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { cbrt, tensor } from "softstep";
 *
 * console.log(cbrt(tensor([8, -27])).toArray()); // => [ 2, -3 ]
 * ```
 */
export function cbrt(x: TensorLike): Tensor {
  return cbrtPrimitive(promoteFloating("cbrt", x)[0]!);
}

/**
 * The sine of an angle in radians. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { sin, tensor } from "softstep";
 *
 * console.log(sin(tensor([0])).toArray()); // => [ 0 ]
 * ```
 */
export function sin(x: TensorLike): Tensor {
  return sinPrimitive(promoteFloating("sin", x)[0]!);
}

/**
 * The cosine of an angle in radians. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { cos, tensor } from "softstep";
 *
 * console.log(cos(tensor([0])).toArray()); // => [ 1 ]
 * ```
 */
export function cos(x: TensorLike): Tensor {
  return cosPrimitive(promoteFloating("cos", x)[0]!);
}

/**
 * The hyperbolic tangent. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { tanh, tensor } from "softstep";
 *
 * console.log(tanh(tensor([0, 100])).toArray()); // => [ 0, 1 ]
 * ```
 */
export function tanh(x: TensorLike): Tensor {
  return tanhPrimitive(promoteFloating("tanh", x)[0]!);
}

/**
 * The error function: 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { erf, tensor } from "softstep";
 *
 * console.log(erf(tensor([0, 10])).toArray()); // => [ 0, 1 ]
 * ```
 */
export function erf(x: TensorLike): Tensor {
  return erfPrimitive(promoteFloating("erf", x)[0]!);
}

/**
 * The largest whole number <= x; its derivative is 0. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { floor, tensor } from "softstep";
 *
 * console.log(floor(tensor([1.5, -1.5])).toArray()); // => [ 1, -2 ]
 * ```
 */
export function floor(x: TensorLike): Tensor {
  return floorPrimitive(promoteFloating("floor", x)[0]!);
}

/**
 * The smallest whole number >= x; its derivative is 0. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { ceil, tensor } from "softstep";
 *
 * console.log(ceil(tensor([1.5, -1.5])).toArray()); // => [ 2, -1 ]
 * ```
 */
export function ceil(x: TensorLike): Tensor {
  return ceilPrimitive(promoteFloating("ceil", x)[0]!);
}

/**
 * The nearest whole number, halves to the even one; its derivative is 0. Integers count as float32.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { round, tensor } from "softstep";
 *
 * console.log(round(tensor([0.5, 1.5, 2.6])).toArray()); // => [ 0, 2, 3 ]
 * ```
 */
export function round(x: TensorLike): Tensor {
  return roundPrimitive(promoteFloating("round", x)[0]!);
}
