import { type Axis, countAxis, logAxis } from "./axis.ts";
import { type Curve, renderChart } from "./chart.ts";
import { SCALES, scaleTitle } from "./findings.ts";
import { formatNumber } from "./number-format.ts";
import type { RunRecord } from "./run-record.ts";

/** A drawn chart with the words around it. */
export interface ChartPanel {
  readonly title: string;
  readonly about: string;
  readonly svg: string;
  /** What the chart cannot show, in words; empty if it shows everything. */
  readonly note: string;
}

/** Losses this many times above the first ones lie off the scale: it is made for the others. */
const LOSS_ROOM = 1.3;
/** Updates this many times above the median lie off the scale. */
const UPDATE_ROOM = 1e5;

type StyleOf = (optimizer: string) => number;

/** Training and validation loss, a panel per group of runs, all on the same axes. */
export function lossPanels(
  runs: readonly RunRecord[],
  style: StyleOf,
  halfLife: number,
): ChartPanel[] {
  const x = stepAxis(runs);
  const all = runs.flatMap((run) => [
    ...run.losses,
    ...run.validation.map(({ loss }) => loss),
  ]).filter(Number.isFinite);
  const starts = runs.flatMap((run) => run.losses.slice(0, 1)).filter(Number.isFinite);
  const cap = LOSS_ROOM * (starts.length > 0 ? greatest(starts) : quantile(all, 0.5));
  const positive = all.filter((loss) => loss > 0);
  const y = logAxis(quantile(positive, 0), Math.min(greatest(positive, 1), cap), 6);
  return groupsOf(runs).map((group) => {
    const curves = group.runs.flatMap((run): Curve[] => {
      const shared = { label: run.optimizer, style: style(run.optimizer) };
      const steps = run.losses.map((_, index) => index + 1);
      return [
        { ...shared, kind: "faint", x: steps, y: run.losses, marked: true },
        { ...shared, kind: "line", x: steps, y: smooth(run.losses, halfLife) },
        {
          ...shared,
          kind: "rings",
          x: run.validation.map(({ step }) => step),
          y: run.validation.map(({ loss }) => loss),
        },
      ];
    });
    return {
      title: group.title,
      about: "loss, logarithmic axis",
      svg: renderChart({ description: `Loss by step. ${group.title}.`, x, y, curves }),
      note: group.runs.map((run) => offChart(run.optimizer, run.losses, y)).join(" ").trim(),
    };
  });
}

/** Largest and root mean square update, a panel per group of runs each. */
export function updatePanels(runs: readonly RunRecord[], style: StyleOf): ChartPanel[] {
  const x = stepAxis(runs);
  const kinds = [
    { about: "largest change of a parameter", read: (run: RunRecord) => run.maxUpdate, top: true },
    { about: "root mean square change", read: (run: RunRecord) => run.rmsUpdate, top: false },
  ];
  return kinds.flatMap(({ about, read, top }) => {
    const all = runs.flatMap((run) => [...read(run)]).filter((v) => v > 0 && v < Infinity);
    if (all.length === 0) return [];
    const highest = Math.min(greatest(all), UPDATE_ROOM * quantile(all, 0.5));
    const y = logAxis(quantile(all, 0.005), highest, 6);
    return groupsOf(runs).map((group) => {
      const curves = group.runs.map((run): Curve => ({
        label: run.optimizer,
        style: style(run.optimizer),
        kind: "line",
        x: read(run).map((_, index) => index + 1),
        y: read(run),
        marked: true,
      }));
      const rates = new Set(group.runs.map((run) => run.learningRate));
      const levels = [...rates].map((value) => ({ label: "learning rate", value }));
      const description = `${about} by step, logarithmic. ${group.title}.`;
      return {
        title: group.title,
        about,
        svg: renderChart({ description, x, y, curves, levels: top ? levels : [] }),
        note: group.runs.map((run) => offChart(run.optimizer, read(run), y)).join(" ").trim(),
      };
    });
  });
}

function groupsOf(runs: readonly RunRecord[]): { title: string; runs: RunRecord[] }[] {
  return SCALES.flatMap((scale) => {
    const group = runs.filter((run) => run.scale === scale);
    return group.length === 0 ? [] : [{ title: scaleTitle(scale, group), runs: group }];
  });
}

function stepAxis(runs: readonly RunRecord[]): Axis {
  const lengths = runs.flatMap((run) => [
    run.steps,
    run.losses.length,
    ...run.validation.map(({ step }) => step),
  ]);
  return countAxis(greatest(lengths, 1), 5);
}

/** Says in words what lies outside of a chart. */
function offChart(label: string, values: readonly number[], y: Axis): string {
  const found: string[] = [];
  const broken = values.findIndex((value) => !Number.isFinite(value));
  const over = values.reduce(
    (best, value, index) =>
      Number.isFinite(value) && !(value <= (values[best] ?? NaN)) ? index : best,
    -1,
  );
  if (over >= 0 && values[over]! > y.high) {
    found.push(`${formatNumber(values[over]!)} at step ${over + 1}, off the scale`);
  }
  if (broken >= 0) found.push(`${formatNumber(values[broken]!)} at step ${broken + 1}`);
  const under = values.filter((value) => value <= 0 && Number.isFinite(value)).length;
  if (under > 0) found.push(`not above zero in ${under} ${under === 1 ? "step" : "steps"}`);
  return found.length === 0 ? "" : `${label}: ${found.join("; ")}.`;
}

/**
 * The exponentially weighted mean of the values since a gap, divided by the sum of its weights so
 * that it starts unbiased; what is not finite stays as it is.
 */
function smooth(values: readonly number[], halfLife: number): number[] {
  const keep = 0.5 ** (1 / halfLife);
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (!Number.isFinite(value)) {
      [sum, weight] = [0, 0];
      return value;
    }
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

function greatest(values: readonly number[], otherwise: number = 0): number {
  return values.length === 0 ? otherwise : values.reduce((a, b) => Math.max(a, b));
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 1;
}
