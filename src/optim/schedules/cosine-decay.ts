import { checkKnown, checkNumber } from "../../core/options.ts";
import { add, clip, div, mul, pow } from "../../ops/arithmetic.ts";
import { cos } from "../../ops/elementary.ts";
import { type Schedule, toCount } from "./schedule.ts";

/** The options of `cosineDecaySchedule`. */
export interface CosineDecayOptions {
  /** The value at step 0. */
  readonly initValue: number;
  /** The number of steps of the decay, > 0; the value stays at the end afterwards. */
  readonly decaySteps: number;
  /** The value at the end, as a fraction of the first; 0 by default. */
  readonly alpha?: number;
  /** The power that the cosine is raised to; 1 by default. */
  readonly exponent?: number;
}

/**
 * Half a cosine from `initValue` down to `alpha initValue` (I. Loshchilov, F. Hutter, arXiv 1608.03983):
 *
 *     value(t) = initValue ((1 - alpha) (0.5 (1 + cos(pi min(t, T) / T)))^exponent + alpha)
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { cosineDecaySchedule } from "softstep";
 *
 * const schedule = cosineDecaySchedule({ initValue: 1, decaySteps: 10 });
 * console.log([0, 5, 20].map((step) => schedule(step).item().toFixed(2))); // => [ "1.00", "0.50", "0.00" ]
 * ```
 */
export function cosineDecaySchedule(options: CosineDecayOptions): Schedule {
  const name = "cosineDecaySchedule";
  checkKnown(name, options, ["initValue", "decaySteps", "alpha", "exponent"]);
  const { initValue, decaySteps, alpha = 0, exponent = 1 } = options;
  checkNumber(name, "initValue", initValue, Number.isFinite, "a finite number");
  checkNumber(name, "decaySteps", decaySteps, (n) => n > 0 && n < Infinity, "a number > 0");
  checkNumber(name, "alpha", alpha, Number.isFinite, "a finite number");
  checkNumber(name, "exponent", exponent, Number.isFinite, "a finite number");

  return (count) => {
    const progress = div(clip(toCount(name, count), 0, decaySteps), decaySteps);
    const wave = mul(add(cos(mul(progress, Math.PI)), 1), 0.5);
    const shaped = exponent === 1 ? wave : pow(wave, exponent);
    return mul(add(mul(shaped, 1 - alpha), alpha), initValue);
  };
}
