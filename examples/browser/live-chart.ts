import { type Axis, countAxis, logAxis } from "../../src/train/axis.ts";
import { type Curve, renderChart } from "../../src/train/chart.ts";
import { offAxis } from "../../src/train/off-axis.ts";
import { smooth } from "../../src/train/smooth.ts";
import { type RacerName, RACERS, type RacerStep } from "./race.ts";

/** What the optimizers are called; their places in the list are their colours. */
export const TITLES: Readonly<Record<RacerName, string>> = { s3: "S3", adamw: "AdamW" };

/** What the steps gave, a list for each kind of figure. */
export type History = Readonly<Record<keyof RacerStep, number[]>>;

/** A chart, and in words what it cannot show. */
export interface LiveChart {
  readonly svg: string;
  readonly note: string;
}

/** Values so many times above or below the median lie off the scale: losses, and changes. */
const [LOSS_ROOM, UPDATE_ROOM] = [20, 1e3];
/** The colour of S3 and a dotted line. */
const RATE_STYLE = 32;
const RATE_LABEL = "S3's rate";
/** The style sheet leaves room for labels of so many characters. */
export const LABEL_WIDTH: number = RATE_LABEL.length;

/** The loss of every step, and its mean over some steps. */
export function lossChart(histories: Readonly<Record<RacerName, History>>): LiveChart {
  return chartOf("Loss by step.", "loss", histories, LOSS_ROOM, []);
}

/** The largest change of a parameter in every step, with its mean, and the rate that S3 was given. */
export function updateChart(histories: Readonly<Record<RacerName, History>>): LiveChart {
  const y = histories.s3.rate;
  const rate: Curve = { label: RATE_LABEL, style: RATE_STYLE, kind: "line", x: stepsOf(y), y };
  const description = "Largest change of a parameter by step.";
  return chartOf(description, "maxUpdate", histories, UPDATE_ROOM, [rate]);
}

function chartOf(
  description: string,
  figure: keyof RacerStep,
  histories: Readonly<Record<RacerName, History>>,
  room: number,
  others: readonly Curve[],
): LiveChart {
  const series = RACERS.map((name) => histories[name][figure]);
  const y = axisFor([...series, ...others.map(({ y }) => y)], room);
  const curves = RACERS.flatMap((name, style): Curve[] => {
    const values = histories[name][figure];
    const shared = { label: TITLES[name], style, x: stepsOf(values) };
    const halfLife = Math.max(5, values.length / 100);
    return [
      { ...shared, kind: "faint", y: values, marked: true },
      { ...shared, kind: "line", y: smooth(values, halfLife) },
    ];
  });
  const x = countAxis(Math.max(20, ...series.map(({ length }) => length)), 5);
  const outside = series.map((values, index) => [TITLES[RACERS[index]!], offAxis(values, y)]);
  return {
    svg: renderChart({ description, x, y, curves: [...others, ...curves] }) +
      `<span class="of-x">step</span>`,
    note: outside.filter(([, text]) => text !== "")
      .map(([title, text]) => `${title}: ${text}.`).join(" "),
  };
}

const stepsOf = (values: readonly number[]): number[] => values.map((_, index) => index + 1);

function axisFor(lists: readonly (readonly number[])[], room: number): Axis {
  const drawable = lists.flat().filter((value) => value > 0 && value < Infinity)
    .sort((a, b) => a - b);
  const median = drawable[Math.floor(drawable.length / 2)] ?? 1;
  const low = Math.max(drawable[0] ?? 0.5, median / room);
  return logAxis(low, Math.min(drawable.at(-1) ?? 2, median * room), 6);
}
