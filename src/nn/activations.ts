import { inNameOf } from "../core/in-name-of.ts";
import { checkBoolean, checkKnown } from "../core/options.ts";
import { normalizeAxis } from "../core/shape.ts";
import { add, div, mul, sub } from "../ops/arithmetic.ts";
import { lessEqual } from "../ops/comparison.ts";
import { erf, exp } from "../ops/elementary.ts";
import { where } from "../ops/logical.ts";
import { checkTensor, promoteFloating } from "../ops/promote.ts";
import { logSumExp, max, sum } from "../ops/reductions.ts";
import { logistic } from "../primitives/mod.ts";
import { stopGradient } from "../ops/shaping.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * max(x, 0); its derivative at 0 is 0.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { relu, tensor } from "softstep";
 *
 * console.log(relu(tensor([-1, 2])).toArray()); // => [ 0, 2 ]
 * ```
 */
export function relu(x: Tensor): Tensor {
  const [value] = promoteFloating("relu", x);
  // Not maximum(x, 0), which gives half of the derivative at 0. NaN is not <= 0 and passes.
  return inNameOf("relu", () => where(lessEqual(value!, 0), 0, value!));
}

/**
 * 1 / (1 + e^-x), without overflow.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { sigmoid, tensor } from "softstep";
 *
 * console.log(sigmoid(tensor([0, 100, -100])).toString()); // => Tensor float32[3] [0.5, 1, 3.783506e-44]
 * ```
 */
export function sigmoid(x: Tensor): Tensor {
  const [value] = promoteFloating("sigmoid", x);
  return inNameOf("sigmoid", () => logistic(value!));
}

/**
 * x sigmoid(x) (S. Elfwing et al., arXiv 1702.03118), also called swish.
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 *
 * @example
 * ```ts
 * import { silu, tensor } from "softstep";
 *
 * console.log(silu(tensor([0, 100])).toArray()); // => [ 0, 100 ]
 * ```
 */
export function silu(x: Tensor): Tensor {
  return inNameOf("silu", () => mul(x, sigmoid(x)));
}

/**
 * x times the normal distribution's probability of being below x (D. Hendrycks, K. Gimpel, arXiv 1606.08415):
 * exact through erf, or with `approximate` 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
 *
 * @throws {DTypeError} if the dtype does not compute (bfloat16).
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { gelu, tensor } from "softstep";
 *
 * console.log(gelu(tensor([0, 10])).toArray()); // => [ 0, 10 ]
 * ```
 */
export function gelu(x: Tensor, options: { readonly approximate?: boolean } = {}): Tensor {
  checkKnown("gelu", options, ["approximate"]);
  const { approximate = false } = options;
  checkBoolean("gelu", "approximate", approximate);
  const [value] = promoteFloating("gelu", x);
  return inNameOf("gelu", () => {
    const v = value!;
    if (!approximate) return mul(mul(v, 0.5), add(erf(mul(v, Math.SQRT1_2)), 1));
    // (1 + tanh(y)) / 2 is the logistic function of 2 y.
    const slope = Math.sqrt(8 / Math.PI);
    return mul(v, logistic(mul(v, add(mul(mul(v, v), 0.044715 * slope), slope))));
  });
}

/**
 * e^x / sum(e^x) along an axis (the last by default), without overflow.
 *
 * @throws {ShapeError} if the axis is out of range.
 *
 * @example
 * ```ts
 * import { softmax, tensor } from "softstep";
 *
 * console.log(softmax(tensor([1000, 1000])).toArray()); // => [ 0.5, 0.5 ]
 * ```
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  checkTensor("softmax", x);
  return inNameOf("softmax", () => {
    const [value] = promoteFloating("softmax", x);
    const along = { axis: normalizeAxis("softmax", axis, x.rank), keepDims: true };
    // The shift changes nothing but the range; derivatives need not see it.
    const e = exp(sub(value!, stopGradient(max(value!, along))));
    return div(e, sum(e, along));
  });
}

/**
 * log(softmax(x)) along an axis (the last by default), accurate where the softmax itself vanishes.
 *
 * @throws {ShapeError} if the axis is out of range.
 *
 * @example
 * ```ts
 * import { logSoftmax, tensor } from "softstep";
 *
 * console.log(logSoftmax(tensor([0, -1000])).toArray()); // => [ 0, -1000 ]
 * ```
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  checkTensor("logSoftmax", x);
  return inNameOf("logSoftmax", () => {
    const [value] = promoteFloating("logSoftmax", x);
    return sub(
      value!,
      logSumExp(value!, { axis: normalizeAxis("logSoftmax", axis, x.rank), keepDims: true }),
    );
  });
}
