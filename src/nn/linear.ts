import { inNameOf } from "../core/in-name-of.ts";
import { checkCount, checkKnown, checkNumber } from "../core/options.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { zeros } from "../ops/creation.ts";
import { matmul } from "../ops/linear-algebra.ts";
import { checkTensor } from "../ops/promote.ts";
import { normal } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { placeOf } from "../tracing/placement.ts";

/** The parameters of `linear`. */
export type LinearParams = {
  /** float[inputs, outputs]. */
  readonly w: Tensor;
  /** float[outputs]. */
  readonly b: Tensor;
};

/**
 * The parameters of a linear layer: normal weights of standard deviation `scale / sqrt(inputs)` (scale 1 by
 * default: LeCun's initialisation), zero bias. They are on the device of the key.
 *
 * @throws {ShapeError} if `key` is no key, or an extent is no whole number.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { initLinear, key } from "softstep";
 *
 * const { w, b } = initLinear(key(0), 3, 2);
 * console.log(w.shape, b.shape); // => [ 3, 2 ] [ 2 ]
 * ```
 */
export function initLinear(
  key: Tensor,
  inputs: number,
  outputs: number,
  options: { readonly scale?: number } = {},
): LinearParams {
  checkCount("initLinear", "inputs", inputs);
  checkCount("initLinear", "outputs", outputs);
  checkKnown("initLinear", options, ["scale"]);
  const { scale = 1 } = options;
  checkNumber("initLinear", "scale", scale, Number.isFinite, "a finite number");
  checkTensor("initLinear", key, "key");
  const device = placeOf(key);
  return inNameOf("initLinear", () => ({
    w: mul(normal(key, [inputs, outputs]), scale / Math.sqrt(inputs)),
    b: zeros([outputs], device === undefined ? {} : { device }),
  }));
}

/**
 * x w + b: `[..., inputs]` to `[..., outputs]`.
 *
 * @throws {ShapeError} if the last axis of x does not fit w.
 *
 * @example
 * ```ts
 * import { linear, tensor } from "softstep";
 *
 * const params = { w: tensor([[1, 2], [3, 4]]), b: tensor([10, 20]) };
 * console.log(linear(params, tensor([1, 1])).toArray()); // => [ 14, 26 ]
 * ```
 */
export function linear(params: LinearParams, x: Tensor): Tensor {
  checkTensor("linear", params?.w, "params.w");
  checkTensor("linear", params.b, "params.b");
  checkTensor("linear", x, "x");
  return inNameOf("linear", () => add(matmul(x, params.w), params.b));
}
