import { ShapeError } from "../../core/errors.ts";
import { inNameOf } from "../../core/in-name-of.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import { mul, neg, sub } from "../../ops/arithmetic.ts";
import { equal, greaterEqual, less } from "../../ops/comparison.ts";
import { oneHotMask } from "../../ops/indices.ts";
import { logicalAnd, where } from "../../ops/logical.ts";
import { checkTensor } from "../../ops/promote.ts";
import { logSumExp, sum } from "../../ops/reductions.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * The cross entropy between label distributions and softmax(logits), one loss an example, in nats:
 * `[..., classes]` and `[..., classes]` give `[...]`.
 *
 * @throws {ShapeError} if the shapes differ.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropy, tensor } from "softstep";
 *
 * const loss = softmaxCrossEntropy(tensor([[0, 0]]), tensor([[1, 0]]));
 * console.log(loss.toString()); // => Tensor float32[1] [0.6931472]
 * ```
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  checkTensor("softmaxCrossEntropy", logits, "logits");
  checkTensor("softmaxCrossEntropy", labels, "labels");
  if (logits.rank === 0 || !sameShape(logits.shape, labels.shape)) {
    throw new ShapeError(
      "softmaxCrossEntropy",
      `logits ${formatShape(logits.shape)} and labels ${
        formatShape(labels.shape)
      } differ; expected ` +
        `[..., classes] both`,
    );
  }
  return inNameOf("softmaxCrossEntropy", () => {
    const logProbabilities = sub(logits, logSumExp(logits, { axis: -1, keepDims: true }));
    // A class of no weight adds nothing, even if it is impossible: 0 times -Infinity would be NaN.
    const isNothing = logicalAnd(equal(labels, 0), equal(logProbabilities, -Infinity));
    return neg(sum(mul(labels, where(isNothing, 0, logProbabilities)), { axis: -1 }));
  });
}

/**
 * The cross entropy of softmax(logits) for known classes, one loss an example, in nats: `[..., classes]` and
 * integers `[...]` give `[...]`. A label out of range gives NaN, so that it is not mistaken for a loss.
 *
 * @throws {ShapeError} if the labels do not have the shape of the logits without the classes.
 * @throws {DTypeError} if the labels are no integers.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropyWithIntegerLabels, tensor } from "softstep";
 *
 * const labels = tensor([0], { dtype: "int32" });
 * const loss = softmaxCrossEntropyWithIntegerLabels(tensor([[0, 0]]), labels);
 * console.log(loss.toString()); // => Tensor float32[1] [0.6931472]
 * ```
 */
export function softmaxCrossEntropyWithIntegerLabels(logits: Tensor, labels: Tensor): Tensor {
  const name = "softmaxCrossEntropyWithIntegerLabels";
  checkTensor(name, logits, "logits");
  checkTensor(name, labels, "labels");
  if (logits.rank === 0 || !sameShape(logits.shape.slice(0, -1), labels.shape)) {
    throw new ShapeError(
      name,
      `labels have shape ${formatShape(labels.shape)} for logits ${
        formatShape(logits.shape)
      }; expected ` +
        formatShape(logits.shape.slice(0, -1)),
    );
  }
  return inNameOf(name, () => {
    const classes = logits.shape.at(-1)!;
    const isLabel = oneHotMask(name, labels, classes);
    const chosen = sum(where(isLabel, logits, 0), { axis: -1 });
    const isValid = logicalAnd(greaterEqual(labels, 0), less(labels, classes));
    return where(isValid, sub(logSumExp(logits, { axis: -1 }), chosen), NaN);
  });
}
