import { inNameOf } from "../core/in-name-of.ts";
import { checkList } from "../core/options.ts";
import type { RunRecord } from "./run-record.ts";
import { detectSpikes, type SpikeOptions, type Spikes } from "./spikes.ts";

/** A value and where it was found, counted in completed steps (the first step is 1). */
export interface ValueAtStep {
  /** How many steps were complete, the one that gave the value included. */
  readonly step: number;
  /** The value; may be NaN or infinite. */
  readonly value: number;
}

/** The figures that one run comes down to; undefined where nothing was measured. */
export interface RunSummary {
  /** The last validation loss; NaN if the training loss stopped being finite after it. */
  readonly finalValidation: ValueAtStep | undefined;
  /** The lowest finite validation loss; NaN at the first measurement if there is none. */
  readonly bestValidation: ValueAtStep | undefined;
  /** The largest training loss after the first tenth of the planned steps. */
  readonly worstPeak: ValueAtStep | undefined;
  /** Spikes of the training loss under both rules. */
  readonly spikes: Spikes;
  /** The largest change of any parameter in any step, learning rate included. */
  readonly largestUpdate: ValueAtStep | undefined;
  /** The first step whose training loss was NaN or infinite. */
  readonly firstNonFinite: number | undefined;
  /** Mean time of a completed step; undefined before the first. */
  readonly secondsPerStep: number | undefined;
}

/** The share of the planned steps in which the loss falls anyway, and a peak means nothing. */
const SETTLING = 0.1;

/**
 * Condenses a run into the figures of the summary table.
 *
 * The worst peak leaves out the first tenth of the planned steps, in which every loss is high. NaN
 * or an infinity counts as larger than any number: it is the worst peak and the largest update.
 *
 * @example
 * ```ts
 * import { summarise } from "softstep";
 *
 * const summary = summarise({
 *   name: "s3", optimizer: "s3", learningRate: 0.001, scale: "base", steps: 3, losses: [4, 3, 2],
 *   validation: [{ step: 3, loss: 2.1 }], maxUpdate: [1e-3, 1e-3, 1e-3],
 *   rmsUpdate: [5e-4, 5e-4, 5e-4], seconds: 0.3, status: "complete",
 * });
 * console.log(summary.finalValidation?.value, summary.worstPeak?.value); // => 2.1 3
 * ```
 *
 * @param run What was measured.
 * @param spikeOptions How spikes are counted; see {@link detectSpikes}.
 * @returns The figures.
 * @throws {OptionError} If `spikeOptions` are wrong, or the run is no record of one.
 */
export function summarise(run: RunRecord, spikeOptions: SpikeOptions = {}): RunSummary {
  for (const name of ["losses", "validation", "maxUpdate"] as const) {
    checkList("summarise", `run.${name}`, run?.[name]);
  }
  const { losses, validation } = run;
  const spikes = inNameOf("summarise", () => detectSpikes(losses, spikeOptions));
  const brokenAt = spikes.nonFinite[0];
  const last = validation.at(-1);
  const brokenAfterLast = last !== undefined &&
    spikes.nonFinite.some((index) => index >= last.step);
  const best = validation
    .filter(({ loss }) => Number.isFinite(loss))
    .reduce<RunRecord["validation"][number] | undefined>(
      (lowest, point) => lowest === undefined || point.loss < lowest.loss ? point : lowest,
      undefined,
    ) ?? validation[0];
  return {
    finalValidation: last && { step: last.step, value: brokenAfterLast ? NaN : last.loss },
    bestValidation: best && { step: best.step, value: best.loss },
    worstPeak: largest(losses, Math.ceil(SETTLING * run.steps)),
    spikes,
    largestUpdate: largest(run.maxUpdate, 0),
    firstNonFinite: brokenAt === undefined ? undefined : brokenAt + 1,
    secondsPerStep: losses.length === 0 ? undefined : run.seconds / losses.length,
  };
}

/** The largest value from an index on; the first that is not finite beats all numbers. */
function largest(values: readonly number[], from: number): ValueAtStep | undefined {
  let found: ValueAtStep | undefined;
  for (let index = from; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) return { step: index + 1, value };
    if (found === undefined || value > found.value) found = { step: index + 1, value };
  }
  return found;
}
