import { inNameOf } from "../core/in-name-of.ts";
import { checkCount, checkKnown, checkNumber } from "../core/options.ts";
import { add, div, mul, square, sub } from "../ops/arithmetic.ts";
import { type CreationOptions, ones, zeros } from "../ops/creation.ts";
import { sqrt } from "../ops/elementary.ts";
import { checkTensor } from "../ops/promote.ts";
import { mean } from "../ops/reductions.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The parameters of `layerNorm`. */
export type LayerNormParams = {
  /** float[features]. */
  readonly scale: Tensor;
  /** float[features]. */
  readonly offset: Tensor;
};

/**
 * The parameters of a layer normalisation: scale 1, offset 0.
 *
 * @throws {ShapeError} if `features` is no whole number.
 * @throws {DeviceError} if the device is unknown.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { initLayerNorm } from "softstep";
 *
 * console.log(initLayerNorm(4).scale.toArray()); // => [ 1, 1, 1, 1 ]
 * ```
 */
export function initLayerNorm(
  features: number,
  options: Pick<CreationOptions, "device"> = {},
): LayerNormParams {
  checkCount("initLayerNorm", "features", features);
  checkKnown("initLayerNorm", options, ["device"]);
  return inNameOf("initLayerNorm", () => ({
    scale: ones([features], options),
    offset: zeros([features], options),
  }));
}

/**
 * Layer normalisation along the last axis (J. Ba et al., arXiv 1607.06450):
 * scale (x - mean) / sqrt(variance + eps) + offset. `[..., features]` in and out.
 *
 * @throws {ShapeError} if the last axis does not fit the parameters.
 * @throws {OptionError} if eps is not a number >= 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { initLayerNorm, layerNorm, tensor } from "softstep";
 *
 * console.log(layerNorm(initLayerNorm(2), tensor([1, 3]), { eps: 0 }).toArray()); // => [ -1, 1 ]
 * ```
 */
export function layerNorm(
  params: LayerNormParams,
  x: Tensor,
  options: { readonly eps?: number } = {},
): Tensor {
  checkTensor("layerNorm", params?.scale, "params.scale");
  checkTensor("layerNorm", params.offset, "params.offset");
  checkTensor("layerNorm", x, "x");
  checkKnown("layerNorm", options, ["eps"]);
  const { eps = 1e-5 } = options;
  checkNumber("layerNorm", "eps", eps, (eps) => eps >= 0, "a number >= 0");
  return inNameOf("layerNorm", () => {
    const along = { axis: -1, keepDims: true };
    const centered = sub(x, mean(x, along));
    const deviation = sqrt(add(mean(square(centered), along), eps));
    return add(mul(div(centered, deviation), params.scale), params.offset);
  });
}
