import { inNameOf } from "../core/in-name-of.ts";
import { checkBoolean, checkKnown } from "../core/options.ts";
import { add, div, mul, pow, square, sub } from "../ops/arithmetic.ts";
import { sqrt } from "../ops/elementary.ts";
import { cast } from "../ops/shaping.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tree/tree.ts";
import { mapTogether, zeroState } from "./leaves.ts";
import { checkDecay, checkNonNegative } from "./options.ts";
import { checkSteps, type CountState, initialCount } from "./scale-by-schedule.ts";
import type { GradientTransformation, StateKind } from "./transformation.ts";

/** The options of `scaleByAdam`. */
export interface ScaleByAdamOptions {
  /** The decay rate of the first moment; 0.9 by default. */
  readonly b1?: number;
  /** The decay rate of the second moment; 0.999 by default. */
  readonly b2?: number;
  /** Added to the root of the second moment; 1e-8 by default. */
  readonly eps?: number;
  /** Added to the second moment under the root, for derivatives through the optimizer; 0 by default. */
  readonly epsRoot?: number;
  /** Look one step ahead (NAdam); false by default. */
  readonly nesterov?: boolean;
}

/** The state of `scaleByAdam`: the count and two trees like the parameters. */
export interface AdamState<P> extends CountState {
  /** The moving average of the gradients. */
  readonly mu: P;
  /** The moving average of their squares. */
  readonly nu: P;
}

/** The kind of `scaleByAdam`. */
export interface AdamKind extends StateKind {
  /** The count and two trees like the parameters. */
  readonly state: AdamState<this["params"]>;
}

/**
 * The direction of Adam (D. Kingma, J. Ba, arXiv 1412.6980), at step t = 1, 2, ...:
 *
 *     mu' = b1 mu + (1-b1) g         nu' = b2 nu + (1-b2) g^2
 *     u   = (mu' / (1 - b1^t)) / (sqrt(nu' / (1 - b2^t) + epsRoot) + eps)
 *
 * With `nesterov` the numerator is b1 mu' / (1 - b1^(t+1)) + (1-b1) g / (1 - b1^t) (T. Dozat, 2016).
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { scaleByAdam, tensor } from "softstep";
 *
 * const transform = scaleByAdam();
 * const [updates] = transform.update(tensor(-5), transform.init(tensor(0)));
 * console.log(updates.item().toFixed(3)); // => -1.000
 * ```
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): GradientTransformation<AdamKind> {
  checkKnown("scaleByAdam", options, ["b1", "b2", "eps", "epsRoot", "nesterov"]);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, nesterov = false } = options;
  checkDecay("scaleByAdam", "b1", b1);
  checkDecay("scaleByAdam", "b2", b2);
  checkNonNegative("scaleByAdam", "eps", eps);
  checkNonNegative("scaleByAdam", "epsRoot", epsRoot);
  checkBoolean("scaleByAdam", "nesterov", nesterov);

  return {
    init<P extends Tree>(params: P): AdamState<P> {
      const zeros = () => zeroState("scaleByAdam.init", params) as P;
      return { count: initialCount("scaleByAdam.init", params), mu: zeros(), nu: zeros() };
    },
    update<P extends Tree>(updates: P, state: AdamState<P>): [P, AdamState<P>] {
      checkSteps("scaleByAdam.update", state?.count);
      const count = inNameOf("scaleByAdam.update", () => add(state.count, 1));
      const trees = { "state.mu": state.mu, "state.nu": state.nu };
      const [u, mu, nu] = mapTogether("scaleByAdam.update", 3, { updates }, trees, (g, mu, nu) => {
        const t = cast(count, g.dtype);
        const nextMu = add(mul(mu!, b1), mul(g, 1 - b1));
        const nextNu = add(mul(nu!, b2), mul(square(g), 1 - b2));
        const mean = nesterov
          ? add(
            mul(unbiased(nextMu, b1, add(t, 1)), b1),
            mul(unbiased(g, b1, t), 1 - b1),
          )
          : unbiased(nextMu, b1, t);
        const root = sqrt(add(unbiased(nextNu, b2, t), epsRoot));
        return [div(mean, add(root, eps)), nextMu, nextNu];
      });
      return [u as P, { count, mu: mu as P, nu: nu as P }];
    },
  };
}

/** x / (1 - b^t): corrects the bias that the zero start gives to a moving average. */
function unbiased(x: Tensor, b: number, t: Tensor): Tensor {
  return div(x, sub(1, pow(b, t)));
}
