import { checkBoolean, checkKnown } from "../core/options.ts";
import { add, mul } from "../ops/arithmetic.ts";
import type { Tree } from "../tree/tree.ts";
import { mapTogether, zeroState } from "./leaves.ts";
import { checkDecay } from "./options.ts";
import type { GradientTransformation, StateKind } from "./transformation.ts";

/** The options of `trace`. */
export interface TraceOptions {
  /** The decay rate, in [0, 1). */
  readonly decay: number;
  /** Look one step ahead; false by default. */
  readonly nesterov?: boolean;
}

/** The state of `trace`: a tree like the parameters. */
export interface TraceState<P> {
  /** The decaying sum of the gradients. */
  readonly trace: P;
}

/** The kind of `trace`. */
export interface TraceKind extends StateKind {
  /** A tree like the parameters. */
  readonly state: TraceState<this["params"]>;
}

/**
 * Momentum as a decaying sum (I. Sutskever et al., ICML 2013): t' = g + decay t, and the update is t', or with
 * `nesterov` g + decay t'. No factor 1 - decay: this is momentum in the sense of SGD, not a moving average.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { tensor, trace } from "softstep";
 *
 * const transform = trace({ decay: 0.5 });
 * let state = transform.init(tensor([0]));
 * let updates = tensor([4]);
 * [updates, state] = transform.update(updates, state);
 * [updates, state] = transform.update(tensor([4]), state);
 * console.log(updates.toArray()); // => [ 6 ]
 * ```
 */
export function trace(options: TraceOptions): GradientTransformation<TraceKind> {
  checkKnown("trace", options, ["decay", "nesterov"]);
  const { decay, nesterov = false } = options;
  checkDecay("trace", "decay", decay);
  checkBoolean("trace", "nesterov", nesterov);
  return {
    init<P extends Tree>(params: P): TraceState<P> {
      return { trace: zeroState("trace.init", params) as P };
    },
    update<P extends Tree>(updates: P, state: TraceState<P>): [P, TraceState<P>] {
      const trees = { "state.trace": state?.trace };
      const [u, next] = mapTogether("trace.update", 2, { updates }, trees, (g, t) => {
        const sum = add(g, mul(t!, decay));
        return [nesterov ? add(g, mul(sum, decay)) : sum, sum];
      });
      return [u as P, { trace: next as P }];
    },
  };
}
