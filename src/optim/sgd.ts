import { inNameOf } from "../core/in-name-of.ts";
import { checkKnown } from "../core/options.ts";
import { chain, type ChainKind } from "./chain.ts";
import { checkDecay } from "./options.ts";
import { type CountKind, type LearningRate, scaleByLearningRate } from "./scale-by-schedule.ts";
import { trace, type TraceKind } from "./trace.ts";
import type { GradientTransformation } from "./transformation.ts";

/** The options of `sgd`. */
export interface SgdOptions {
  /** A number, a scalar tensor or a schedule. */
  readonly learningRate: LearningRate;
  /** The decay rate of the momentum, in [0, 1); 0 (none) by default. */
  readonly momentum?: number;
  /** Nesterov's momentum; false by default. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent: theta' = theta - lr u, u from `trace`.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { sgd, tensor } from "softstep";
 *
 * const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
 * const [updates] = optimizer.update(tensor([10]), optimizer.init(tensor([0])));
 * console.log(updates.toArray()); // => [ -1 ]
 * ```
 */
export function sgd(
  options: SgdOptions,
): GradientTransformation<ChainKind<[TraceKind, CountKind]>> {
  checkKnown("sgd", options, ["learningRate", "momentum", "nesterov"]);
  const { learningRate, momentum = 0, nesterov = false } = options;
  checkDecay("sgd", "momentum", momentum);
  return inNameOf(
    "sgd",
    () => chain(trace({ decay: momentum, nesterov }), scaleByLearningRate(learningRate)),
  );
}
