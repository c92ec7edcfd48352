import { inNameOf } from "../core/in-name-of.ts";
import { checkKnown } from "../core/options.ts";
import { sign } from "../ops/arithmetic.ts";
import type { Tree } from "../tree/tree.ts";
import { chain, type ChainKind } from "./chain.ts";
import { mapUpdates } from "./leaves.ts";
import { type CountKind, type LearningRate, scaleByLearningRate } from "./scale-by-schedule.ts";
import type { EmptyKind, EmptyState, GradientTransformation } from "./transformation.ts";

/**
 * The signs of the gradients (J. Bernstein et al., arXiv 1802.04434); NaN for NaN.
 *
 * @example
 * ```ts
 * import { scaleBySign, tensor } from "softstep";
 *
 * console.log(scaleBySign().update(tensor([3, 0, -1e-9]), {})[0].toArray()); // => [ 1, 0, -1 ]
 * ```
 */
export function scaleBySign(): GradientTransformation<EmptyKind> {
  return {
    init: () => ({}),
    update<P extends Tree>(updates: P, state: EmptyState): [P, EmptyState] {
      const signs = inNameOf(
        "scaleBySign.update",
        () => mapUpdates("scaleBySign.update", sign, updates),
      );
      return [signs as P, state];
    },
  };
}

/** The options of `signSgd`. */
export interface SignSgdOptions {
  /** A number, a scalar tensor or a schedule. */
  readonly learningRate: LearningRate;
}

/**
 * SignSGD (J. Bernstein et al., arXiv 1802.04434): theta' = theta - lr sign(g).
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { signSgd, tensor } from "softstep";
 *
 * const optimizer = signSgd({ learningRate: 0.5 });
 * const [updates] = optimizer.update(tensor([3, -1]), optimizer.init(tensor([0, 0])));
 * console.log(updates.toArray()); // => [ -0.5, 0.5 ]
 * ```
 */
export function signSgd(
  options: SignSgdOptions,
): GradientTransformation<ChainKind<[EmptyKind, CountKind]>> {
  checkKnown("signSgd", options, ["learningRate"]);
  return inNameOf("signSgd", () => chain(scaleBySign(), scaleByLearningRate(options.learningRate)));
}
