import { inNameOf } from "../core/in-name-of.ts";
import { checkKnown } from "../core/options.ts";
import { chain, type ChainKind } from "./chain.ts";
import { type AdamKind, scaleByAdam, type ScaleByAdamOptions } from "./scale-by-adam.ts";
import { type CountKind, type LearningRate, scaleByLearningRate } from "./scale-by-schedule.ts";
import type { GradientTransformation } from "./transformation.ts";

/** The options of `adam`. */
export interface AdamOptions extends ScaleByAdamOptions {
  /** A number, a scalar tensor or a schedule. */
  readonly learningRate: LearningRate;
}

/**
 * Adam (D. Kingma, J. Ba, arXiv 1412.6980): theta' = theta - lr u, u from `scaleByAdam`.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { adam, tensor } from "softstep";
 *
 * const optimizer = adam({ learningRate: 0.1 });
 * const [updates] = optimizer.update(tensor(3), optimizer.init(tensor(0)));
 * console.log(updates.item().toFixed(4)); // => -0.1000
 * ```
 */
export function adam(
  options: AdamOptions,
): GradientTransformation<ChainKind<[AdamKind, CountKind]>> {
  checkKnown("adam", options, ["learningRate", "b1", "b2", "eps", "epsRoot", "nesterov"]);
  const { learningRate, ...direction } = options;
  return inNameOf("adam", () => chain(scaleByAdam(direction), scaleByLearningRate(learningRate)));
}
