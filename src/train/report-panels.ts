import { type Axis, countAxis, logAxis } from "./axis.ts";
import { type Curve, renderChart } from "./chart.ts";
import { SCALES, scaleTitle } from "./findings.ts";
import { offAxis } from "./off-axis.ts";
import type { RunRecord } from "./run-record.ts";
import { smooth } from "./smooth.ts";

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
/** Updates this many times above or below the median lie off the scale. */
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
      note: offChart(group.runs, (run) => run.losses, y),
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
    const middle = quantile(all, 0.5);
    const lowest = Math.max(quantile(all, 0), middle / UPDATE_ROOM);
    const y = logAxis(lowest, Math.min(greatest(all), UPDATE_ROOM * middle), 6);
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
      const levels = [...rates].map((value) => ({ label: "peak learning rate", value }));
      const description = `${about} by step, logarithmic. ${group.title}.`;
      return {
        title: group.title,
        about,
        svg: renderChart({ description, x, y, curves, levels: top ? levels : [] }),
        note: offChart(group.runs, read, y),
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

/** Says in words what a chart cannot show, once for all runs that have it in common. */
function offChart(
  runs: readonly RunRecord[],
  read: (run: RunRecord) => readonly number[],
  y: Axis,
): string {
  const labels = new Map<string, string[]>();
  for (const run of runs) {
    const text = offAxis(read(run), y);
    if (text !== "") labels.set(text, [...labels.get(text) ?? [], run.optimizer]);
  }
  return [...labels].map(([text, names]) => `${names.join(", ")}: ${text}.`).join(" ");
}

function greatest(values: readonly number[], otherwise: number = 0): number {
  return values.length === 0 ? otherwise : values.reduce((a, b) => Math.max(a, b));
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 1;
}
