import { inNameOf } from "../core/in-name-of.ts";
import { checkKnown } from "../core/options.ts";
import { chain } from "./chain.ts";
import {
  decoupledDecay,
  type DecoupledDecayOptions,
  type OptimizerKind,
} from "./decoupled-decay.ts";
import { type AdamKind, scaleByAdam, type ScaleByAdamOptions } from "./scale-by-adam.ts";
import { scaleByLearningRate } from "./scale-by-schedule.ts";
import type { GradientTransformation } from "./transformation.ts";

/** The options of `adamw`. */
export interface AdamwOptions extends DecoupledDecayOptions, ScaleByAdamOptions {}

/**
 * AdamW (I. Loshchilov, F. Hutter, arXiv 1711.05101): theta' = theta - lr (u + weightDecay theta), u from
 * `scaleByAdam`. `weightDecay` is 1e-4 by default, as in optax.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { adamw, applyUpdates, tensor } from "softstep";
 *
 * const optimizer = adamw({ learningRate: 0.5, weightDecay: 0.1 });
 * const params = tensor(1);
 * const [updates] = optimizer.update(tensor(2), optimizer.init(params), params);
 * console.log(applyUpdates(params, updates).item().toFixed(4)); // => 0.4500
 * ```
 */
export function adamw(options: AdamwOptions): GradientTransformation<OptimizerKind<AdamKind>> {
  checkKnown("adamw", options, [
    "learningRate",
    "weightDecay",
    "mask",
    "b1",
    "b2",
    "eps",
    "epsRoot",
    "nesterov",
  ]);
  const { learningRate, weightDecay = 1e-4, mask, ...direction } = options;
  return inNameOf("adamw", () =>
    chain(
      scaleByAdam(direction),
      decoupledDecay("adamw", weightDecay, mask),
      scaleByLearningRate(learningRate),
    ));
}
