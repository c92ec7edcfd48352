import { checkKnown, checkNumber } from "../../core/options.ts";
import { add, clip, div, mul } from "../../ops/arithmetic.ts";
import { type Schedule, toCount } from "./schedule.ts";

/** The options of `linearSchedule`. */
export interface LinearOptions {
  /** The value at step 0. */
  readonly initValue: number;
  /** The value from step `transitionSteps` on. */
  readonly endValue: number;
  /** The number of steps in between, > 0. */
  readonly transitionSteps: number;
}

/**
 * A straight line from `initValue` to `endValue`, constant afterwards.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { linearSchedule } from "softstep";
 *
 * const schedule = linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 4 });
 * console.log(schedule(1).item(), schedule(9).item()); // => 0.25 1
 * ```
 */
export function linearSchedule(options: LinearOptions): Schedule {
  const name = "linearSchedule";
  checkKnown(name, options, ["initValue", "endValue", "transitionSteps"]);
  const { initValue, endValue, transitionSteps } = options;
  checkNumber(name, "initValue", initValue, Number.isFinite, "a finite number");
  checkNumber(name, "endValue", endValue, Number.isFinite, "a finite number");
  checkNumber(
    name,
    "transitionSteps",
    transitionSteps,
    (n) => n > 0 && n < Infinity,
    "a number > 0",
  );

  return (count) => {
    const progress = div(clip(toCount(name, count), 0, transitionSteps), transitionSteps);
    return add(mul(add(mul(progress, -1), 1), initValue), mul(progress, endValue));
  };
}
