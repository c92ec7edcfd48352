import { checkBoolean, checkKnown, checkNumber, checkType } from "../core/options.ts";
import { formatDuration } from "./number-format.ts";

/** Where a run stands, for {@link formatProgress}. */
export interface Progress {
  /** What is running; control characters are shown as spaces. */
  readonly label: string;
  /** Steps done, from 0 to `steps`. */
  readonly step: number;
  /** Steps planned. */
  readonly steps: number;
  /** The latest loss; NaN and infinities are shown as such. */
  readonly loss: number;
  /** Speed in steps per second. */
  readonly stepsPerSecond: number;
  /** Expected time left in seconds; NaN, or 100 hours and more, shows as not known. */
  readonly secondsLeft: number;
  /** Columns that the line may take, one per character. */
  readonly width: number;
  /** Plain ASCII instead of Unicode lines; false unless given. */
  readonly ascii?: boolean;
}

const names: readonly string[] = [
  "label",
  "step",
  "steps",
  "loss",
  "stepsPerSecond",
  "secondsLeft",
  "width",
  "ascii",
];

const SHORTEST_BAR = 8;
const LONGEST_BAR = 40;
const SHORTEST_LABEL = 8;
const GAP = "  ";

/**
 * Writes the state of a run as one line with a bar, never wider than `width`.
 *
 * Numbers keep their columns from step to step, so that a line drawn over itself does not jitter.
 * When columns are short the speed goes first, then the time left, the bar, the loss, the label.
 *
 * @example
 * ```ts
 * import { formatProgress } from "softstep";
 *
 * const line = formatProgress({
 *   label: "s3", step: 120, steps: 300, loss: 2.1, stepsPerSecond: 24, secondsLeft: 7.5,
 *   width: 71, ascii: true,
 * });
 * console.log(line); // => s3  [####------]  120/300  loss   2.1000   24.00 steps/s      0:08 left
 * ```
 *
 * @param progress The state of the run and the columns there are.
 * @returns One line without a line break.
 * @throws {OptionError} If a field is unknown or of the wrong kind, `steps` or `width` is not a
 * positive integer, or `step` not an integer from 0 to `steps`.
 */
export function formatProgress(progress: Progress): string {
  checkKnown("formatProgress", progress, names);
  const { step, steps, width, ascii = false } = progress;
  checkType("formatProgress", "label", progress.label, "string");
  for (const name of ["loss", "stepsPerSecond", "secondsLeft"] as const) {
    checkType("formatProgress", name, progress[name], "number");
  }
  checkBoolean("formatProgress", "ascii", ascii);
  requireInteger("steps", steps, 1, Infinity);
  requireInteger("step", step, 0, steps);
  requireInteger("width", width, 1, Infinity);

  // deno-lint-ignore no-control-regex -- they would break the line
  const label = Array.from(progress.label.replace(/[\u0000-\u001f\u007f-\u009f]/g, " "));
  const counter = `${String(step).padStart(String(steps).length)}/${steps}`;
  const loss = `loss ${fixedColumns(progress.loss, 8)}`;
  const speed = `${fixedColumns(progress.stepsPerSecond, 6)} steps/s`;
  const known = progress.secondsLeft < 100 * 3600 ? progress.secondsLeft : NaN;
  const left = `${formatDuration(known).padStart(8)} left`;

  const tails = [[counter, loss, speed, left], [counter, loss, left], [counter, loss]];
  const shortest = Math.min(label.length, SHORTEST_LABEL);
  for (const tail of tails) {
    const rest = GAP + tail.join(GAP);
    const room = width - rest.length - GAP.length;
    if (room < shortest + SHORTEST_BAR) continue;
    const kept = Math.min(label.length, room - SHORTEST_BAR);
    const bar = drawBar(step / steps, Math.min(LONGEST_BAR, room - kept), ascii);
    return truncate(label, kept, ascii) + GAP + bar + rest;
  }
  for (const tail of [[counter, loss], [counter]]) {
    const rest = GAP + tail.join(GAP);
    const room = width - rest.length;
    if (room >= shortest) return truncate(label, Math.min(label.length, room), ascii) + rest;
  }
  return truncate(Array.from(counter), width, ascii);
}

function drawBar(done: number, columns: number, ascii: boolean): string {
  if (ascii) {
    const filled = Math.floor(done * (columns - 2));
    return `[${"#".repeat(filled)}${"-".repeat(columns - 2 - filled)}]`;
  }
  const halves = Math.floor(done * columns * 2);
  const filled = halves >> 1;
  const half = halves % 2 === 1 ? "╸" : "";
  return "━".repeat(filled) + half + "─".repeat(columns - filled - half.length);
}

function truncate(characters: readonly string[], columns: number, ascii: boolean): string {
  if (characters.length <= columns) return characters.join("");
  return characters.slice(0, columns - 1).join("") + (ascii ? "~" : "…");
}

/** As many decimals as fit, at most four; an exponent for what is too large or too small. */
function fixedColumns(value: number, columns: number): string {
  let text = String(value);
  if (Number.isFinite(value)) {
    const tiny = value !== 0 && Math.abs(value) < 1e-4;
    const decimals = columns > 6 ? 4 : 2;
    text = value.toFixed(decimals);
    if (tiny || text.length > columns) {
      const digits = Math.max(0, columns - 7);
      text = value.toExponential(digits).replace("e+", "e");
    }
  }
  return text.padStart(columns);
}

function requireInteger(name: string, value: number, low: number, high: number): void {
  const range = high === Infinity ? `of at least ${low}` : `from ${low} to ${high}`;
  const accepts = (value: number) => Number.isInteger(value) && value >= low && value <= high;
  checkNumber("formatProgress", name, value, accepts, `an integer ${range}`);
}
