import { addDecayedWeights, type Mask } from "./add-decayed-weights.ts";
import type { ChainKind } from "./chain.ts";
import { identity } from "./identity.ts";
import { checkNonNegative } from "./options.ts";
import type { CountKind, LearningRate } from "./scale-by-schedule.ts";
import type { EmptyKind, GradientTransformation, StateKind } from "./transformation.ts";

/** The options that optimizers with decoupled weight decay have in common. */
export interface DecoupledDecayOptions {
  /** A number, a scalar tensor or a schedule. */
  readonly learningRate: LearningRate;
  /** How much of each parameter the learning rate takes away at every step. */
  readonly weightDecay?: number;
  /** Which leaves decay; all by default. */
  readonly mask?: Mask;
}

/** The kind of an optimizer of three links: direction, weight decay (or its place), learning rate. */
export type OptimizerKind<Direction extends StateKind> = ChainKind<
  [Direction, EmptyKind, CountKind]
>;

/** Weight decay, or the place of it where there is none: then `update` needs no parameters. */
export function decoupledDecay(
  functionName: string,
  weightDecay: number,
  mask: Mask | undefined,
): GradientTransformation<EmptyKind> {
  checkNonNegative(functionName, "weightDecay", weightDecay);
  return weightDecay === 0
    ? identity()
    : addDecayedWeights(weightDecay, mask === undefined ? {} : { mask });
}
