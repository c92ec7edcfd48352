import { checkKnown, checkNumber } from "../../core/options.ts";
import { add, mul, sub } from "../../ops/arithmetic.ts";
import { less } from "../../ops/comparison.ts";
import { where } from "../../ops/logical.ts";
import { checkNonNegative } from "../options.ts";
import { cosineDecaySchedule } from "./cosine-decay.ts";
import { linearSchedule } from "./linear.ts";
import { type Schedule, toCount } from "./schedule.ts";

/** The options of `warmupCosineDecaySchedule`. */
export interface WarmupCosineDecayOptions {
  /** The value at step 0. */
  readonly initValue: number;
  /** The value at the end of the warm-up. */
  readonly peakValue: number;
  /** The number of steps of the warm-up, >= 0; with 0 the schedule starts at the peak. */
  readonly warmupSteps: number;
  /** The number of steps of both parts, > warmupSteps. */
  readonly decaySteps: number;
  /** The value at the end; 0 by default. */
  readonly endValue?: number;
  /** The power that the cosine is raised to; 1 by default. */
  readonly exponent?: number;
}

/**
 * A straight line from `initValue` up to `peakValue`, then half a cosine down to `endValue`.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { warmupCosineDecaySchedule } from "softstep";
 *
 * const schedule = warmupCosineDecaySchedule({
 *   initValue: 0,
 *   peakValue: 1,
 *   warmupSteps: 4,
 *   decaySteps: 10,
 * });
 * console.log([0, 2, 4, 10].map((step) => schedule(step).item())); // => [ 0, 0.5, 1, 0 ]
 * ```
 */
export function warmupCosineDecaySchedule(options: WarmupCosineDecayOptions): Schedule {
  const name = "warmupCosineDecaySchedule";
  checkKnown(name, options, [
    "initValue",
    "peakValue",
    "warmupSteps",
    "decaySteps",
    "endValue",
    "exponent",
  ]);
  const { initValue, peakValue, warmupSteps, decaySteps, endValue = 0, exponent = 1 } = options;
  checkNumber(name, "initValue", initValue, Number.isFinite, "a finite number");
  checkNumber(name, "peakValue", peakValue, Number.isFinite, "a finite number");
  checkNumber(name, "endValue", endValue, Number.isFinite, "a finite number");
  checkNumber(name, "exponent", exponent, Number.isFinite, "a finite number");
  checkNonNegative(name, "warmupSteps", warmupSteps);
  checkNumber(
    name,
    "decaySteps",
    decaySteps,
    (n) => n > warmupSteps && n < Infinity,
    `a number above warmupSteps (${warmupSteps})`,
  );

  const wave = cosineDecaySchedule({
    initValue: 1,
    decaySteps: decaySteps - warmupSteps,
    exponent,
  });
  const decay: Schedule = (count) => add(mul(wave(count), peakValue - endValue), endValue);
  if (warmupSteps === 0) return decay;
  const warmup = linearSchedule({
    initValue,
    endValue: peakValue,
    transitionSteps: warmupSteps,
  });
  return (count) => {
    const steps = toCount(name, count);
    return where(less(steps, warmupSteps), warmup(steps), decay(sub(steps, warmupSteps)));
  };
}
