import { OptionError } from "../core/errors.ts";
import { checkKnown, checkNumber } from "../core/options.ts";
import { describe } from "../core/value-kinds.ts";
import { RollingMedian } from "./rolling-median.ts";
import { RollingMoments } from "./rolling-moments.ts";

/** What {@link detectSpikes} counts as a spike. */
export interface SpikeOptions {
  /** How many finite values before the current one form the window; 1000 unless given. */
  readonly window?: number;
  /** How many standard deviations above the window's mean a spike lies; 7 unless given. */
  readonly deviations?: number;
  /** How many times the window's median a spike exceeds; 2 unless given. */
  readonly medianFactor?: number;
  /** How many finite values there must be before one is judged; 20, or `window` if smaller. */
  readonly minimumHistory?: number;
}

/** The spikes that one rule found. */
export interface SpikeCount {
  /** Positions of the spikes, ascending, from 0. */
  readonly indices: readonly number[];
  /** How many there are. */
  readonly count: number;
  /** The count over the number of all values; 0 for no values. */
  readonly share: number;
}

/** The spikes of a series under both rules. */
export interface Spikes {
  /** At least `deviations` standard deviations above the mean of the window. */
  readonly deviationRule: SpikeCount;
  /** Above `medianFactor` times the median of the window. */
  readonly medianRule: SpikeCount;
  /** Positions of NaN and infinite values; each is a spike under both rules. */
  readonly nonFinite: readonly number[];
  /** How many values were judged: the non-finite ones, and those with history enough. */
  readonly judged: number;
}

/**
 * Finds the spikes of a series, such as the training losses of a run, under two rules.
 *
 * The window holds the last `window` finite values before the current one, which is not part of it.
 * A value is judged once the window holds `minimumHistory` values. Rule one: the value is above the
 * mean by at least `deviations` standard deviations (divided by n, not n - 1); when the deviation is
 * zero, any value above the mean counts. Rule two: the value is above `medianFactor` times the
 * median; a negative median marks no finite value. A NaN or infinite value is always a spike under
 * both rules, even without history, and does not enter the window. A finite spike does enter it.
 *
 * Source: rule one is the spike score of OLMo 2 (arXiv 2501.00656, section 3.2), taken one-sided.
 *
 * @example
 * ```ts
 * import { detectSpikes } from "softstep";
 *
 * const losses = Array.from({ length: 100 }, (_, step) => 2 + 0.01 * (step % 3));
 * losses[70] = 9;
 * const { deviationRule, medianRule } = detectSpikes(losses, { window: 50 });
 * console.log(deviationRule.indices, medianRule.share); // => [ 70 ] 0.01
 * ```
 *
 * @param values The series, in order.
 * @param options The window and the thresholds.
 * @returns Positions, counts and shares under both rules.
 * @throws {OptionError} If an option is unknown, `window` or `minimumHistory` is not a positive integer, `minimumHistory`
 * is larger than `window`, or a threshold is not a positive finite number.
 */
export function detectSpikes(values: ArrayLike<number>, options: SpikeOptions = {}): Spikes {
  if (typeof values !== "object" || !Number.isInteger(values?.length)) {
    throw new OptionError("detectSpikes", `values is ${describe(values)}; expected an array`);
  }
  checkKnown("detectSpikes", options, ["window", "deviations", "medianFactor", "minimumHistory"]);
  const { window = 1000, deviations = 7, medianFactor = 2 } = options;
  requireCount("window", window);
  const { minimumHistory = Math.min(window, 20) } = options;
  requireCount("minimumHistory", minimumHistory);
  if (minimumHistory > window) {
    throw new OptionError(
      "detectSpikes",
      `minimumHistory is ${minimumHistory}; expected at most the window, ${window}`,
    );
  }
  requirePositive("deviations", deviations);
  requirePositive("medianFactor", medianFactor);

  const capacity = Math.min(window, values.length);
  const moments = new RollingMoments(capacity);
  const median = new RollingMedian(capacity);
  const byDeviation: number[] = [];
  const byMedian: number[] = [];
  const nonFinite: number[] = [];
  let judged = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) {
      judged++;
      nonFinite.push(index);
      byDeviation.push(index);
      byMedian.push(index);
      continue;
    }
    if (median.count >= minimumHistory) {
      judged++;
      const { mean, deviation } = moments.read();
      if (value > mean && value - mean >= deviations * deviation) byDeviation.push(index);
      const middle = median.read();
      if (middle >= 0 && value > medianFactor * middle) byMedian.push(index);
    }
    moments.push(value);
    median.push(value);
  }
  const count = (indices: number[]): SpikeCount => ({
    indices,
    count: indices.length,
    share: values.length === 0 ? 0 : indices.length / values.length,
  });
  return { deviationRule: count(byDeviation), medianRule: count(byMedian), nonFinite, judged };
}

function requireCount(name: string, value: number): void {
  const accepts = (count: number) => Number.isInteger(count) && count >= 1;
  checkNumber("detectSpikes", name, value, accepts, "a positive integer");
}

function requirePositive(name: string, value: number): void {
  const accepts = (threshold: number) => threshold > 0 && threshold < Infinity;
  checkNumber("detectSpikes", name, value, accepts, "a positive finite number");
}
