import { inNameOf } from "../core/in-name-of.ts";
import { checkKnown } from "../core/options.ts";
import { chain } from "./chain.ts";
import {
  decoupledDecay,
  type DecoupledDecayOptions,
  type OptimizerKind,
} from "./decoupled-decay.ts";
import { type S3Kind, scaleByS3, type ScaleByS3Options } from "./scale-by-s3.ts";
import { scaleByLearningRate } from "./scale-by-schedule.ts";
import type { GradientTransformation } from "./transformation.ts";

/** The options of `s3`. */
export interface S3Options extends DecoupledDecayOptions, ScaleByS3Options {}

/**
 * S3 (SoftSignSGD; H. Peng et al., arXiv 2507.06464) with decoupled weight decay:
 *
 *     theta' = theta - lr (u + weightDecay theta),   u from `scaleByS3`, always in [-1, 1]
 *
 * No parameter moves by more than lr (1 + weightDecay |theta|) in one step. Because updates are bounded, learning
 * rates up to ten times those of AdamW can work (1e-2 where AdamW has 1e-3); because they do not shrink near a
 * minimum, S3 wants a schedule that decays: at a constant rate the iterates end in a cycle of that size.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { applyUpdates, grad, s3, square, sum, type Tensor, tensor } from "softstep";
 *
 * const loss = (params: { w: Tensor }) => sum(square(params.w));
 * const optimizer = s3({ learningRate: 0.1 });
 * let params = { w: tensor([1, -2]) };
 * let state = optimizer.init(params);
 * for (let step = 0; step < 100; step++) {
 *   const [updates, next] = optimizer.update(grad(loss)(params), state, params);
 *   params = applyUpdates(params, updates);
 *   state = next;
 * }
 * console.log(loss(params).item() < 0.01); // => true
 * ```
 */
export function s3(options: S3Options): GradientTransformation<OptimizerKind<S3Kind>> {
  checkKnown("s3", options, [
    "learningRate",
    "weightDecay",
    "mask",
    "b",
    "p",
    "nesterov",
    "stateDtype",
  ]);
  const { learningRate, weightDecay = 0, mask, ...direction } = options;
  return inNameOf("s3", () =>
    chain(
      scaleByS3(direction),
      decoupledDecay("s3", weightDecay, mask),
      scaleByLearningRate(learningRate),
    ));
}
