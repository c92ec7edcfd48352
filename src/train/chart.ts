import { type Axis, placeOnAxis } from "./axis.ts";
import { escapeHtml } from "./escape.ts";
import { formatNumber } from "./number-format.ts";

/** A series in a chart: value `y[i]` at `x[i]`. Values that are not finite leave a gap. */
export interface Curve {
  readonly label: string;
  /** Which colour and dash pattern: the same number looks the same in every chart. */
  readonly style: number;
  readonly kind: "line" | "faint" | "rings";
  /** Whether to mark where the values stop being finite or leave the chart at the top. */
  readonly marked?: boolean;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** A level drawn across a chart. */
export interface Level {
  readonly label: string;
  readonly value: number;
}

/** What {@link renderChart} draws. */
export interface Chart {
  /** Said by screen readers. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
  readonly levels?: readonly Level[];
}

/** Colours and dash patterns that the style sheet knows. */
export const CHART_COLOURS = 8;
export const CHART_DASHES = 5;

const HEIGHT = 300;
const LABEL_DISTANCE = 15;
/** Beyond so many points two extremes per bucket stand for all: no peak is lost. */
const MOST_POINTS = 600;

/** The classes that give a style its colour and its dash pattern. */
export function styleClasses(style: number): string {
  return `k${style % CHART_COLOURS} d${style % CHART_DASHES}`;
}

/**
 * Draws curves as one SVG element that stretches to any width while its text, lines and marks keep
 * their size: places are percentages, and only the curves are stretched.
 *
 * In marked curves a cross shows where values stop being finite, an arrowhead the highest place off
 * the scale. Lines that reach the right end carry their label there.
 */
export function renderChart(chart: Chart): string {
  const { x, y, curves, levels = [] } = chart;
  const grid = y.ticks.map(({ value, label }) => {
    const top = percent(1 - placeOnAxis(y, value));
    return `<line class="grid" x1="0" x2="100%" y1="${top}" y2="${top}"/>` +
      `<text class="tick" x="0" y="${top}" dx="-8" dy=".32em" text-anchor="end">${label}</text>`;
  });
  const feet = x.ticks.map(({ value, label }) => {
    const left = percent(placeOnAxis(x, value));
    return `<line class="foot" x1="${left}" x2="${left}" y1="${HEIGHT}" y2="${HEIGHT + 4}"/>` +
      `<text class="tick" x="${left}" y="${HEIGHT}" dy="18" text-anchor="middle">${label}</text>`;
  });
  const across = levels.filter(({ value }) => isInside(y, value)).map(({ label, value }) => {
    const top = percent(1 - placeOnAxis(y, value));
    return `<line class="level" x1="0" x2="100%" y1="${top}" y2="${top}"/>` +
      `<text class="tick" x="100%" y="${top}" dx="-4" dy="-5" text-anchor="end">` +
      `${escapeHtml(label)}</text>`;
  });
  const ordered = ["faint", "line", "rings"].flatMap((kind) =>
    curves.filter((curve) => curve.kind === kind)
  );
  const paths = ordered.filter(({ kind }) => kind !== "rings").map((curve) => {
    const kind = curve.kind === "faint" ? "faint" : "curve";
    return `<path class="${kind} ${styleClasses(curve.style)}" d="${pathOf(curve, x, y)}"/>`;
  });
  const lines = ordered.filter(({ kind }) => kind === "line");
  return `<svg class="chart" role="img" width="100%" height="${HEIGHT}" aria-label="${
    escapeHtml(chart.description)
  }">${grid.join("")}${feet.join("")}${across.join("")}` +
    `<svg width="100%" height="${HEIGHT}" viewBox="0 0 1000 1000" preserveAspectRatio="none">` +
    `${paths.join("")}</svg>` +
    ordered.filter(({ kind }) => kind === "rings").map((curve) => rings(curve, x, y)).join("") +
    ordered.filter(({ marked }) => marked).map((curve) => marks(curve, x, y)).join("") +
    endLabels(lines, x, y) + "</svg>";
}

/** The stretches of a curve that can be drawn, thinned out, as a path in a square of 1000. */
function pathOf(curve: Curve, x: Axis, y: Axis): string {
  const pieces: string[] = [];
  for (const run of drawableRuns(curve, y)) {
    const points = thinOut(run, curve.y).map((index) => {
      const left = 1000 * placeOnAxis(x, curve.x[index]!);
      // far outside is as good as outside, and keeps every renderer's numbers in range
      const top = Math.min(3000, Math.max(-2000, 1000 * (1 - placeOnAxis(y, curve.y[index]!))));
      return `${tenth(left)} ${tenth(top)}`;
    });
    // a single point is a line of no length, which round caps make visible
    pieces.push(`M${points.length === 1 ? `${points[0]!}h0` : points.join("L")}`);
  }
  return pieces.join("");
}

/** Index ranges without a gap; on a logarithmic axis zero is a gap too. */
function drawableRuns(curve: Curve, y: Axis): number[][] {
  const runs: number[][] = [];
  let run: number[] = [];
  curve.y.forEach((value, index) => {
    if (Number.isFinite(value) && (y.kind === "linear" || value > 0)) {
      if (run.length === 0) runs.push(run);
      run.push(index);
    } else if (run.length > 0) run = [];
  });
  return runs;
}

function thinOut(indices: readonly number[], values: readonly number[]): readonly number[] {
  if (indices.length <= MOST_POINTS) return indices;
  const kept = new Set([indices[0]!, indices.at(-1)!]);
  const size = (2 * indices.length) / MOST_POINTS;
  for (let start = 0; start < indices.length; start += size) {
    const bucket = indices.slice(Math.floor(start), Math.floor(start + size));
    if (bucket.length === 0) continue;
    kept.add(bucket.reduce((best, index) => values[index]! < values[best]! ? index : best));
    kept.add(bucket.reduce((best, index) => values[index]! > values[best]! ? index : best));
  }
  return [...kept].sort((a, b) => a - b);
}

function rings(curve: Curve, x: Axis, y: Axis): string {
  return curve.x.map((place, index) => {
    const value = curve.y[index]!;
    if (!isInside(y, value)) return "";
    const title = escapeHtml(`${curve.label}, step ${place}: ${formatNumber(value)}`);
    return `<circle class="ring ${styleClasses(curve.style)}" r="2.8" cx="${
      percent(placeOnAxis(x, place))
    }" cy="${percent(1 - placeOnAxis(y, value))}"><title>${title}</title></circle>`;
  }).join("");
}

function marks(curve: Curve, x: Axis, y: Axis): string {
  const found: string[] = [];
  const mark = (index: number, top: number, shape: string, text: string): void => {
    const left = percent(placeOnAxis(x, curve.x[index]!));
    const title = escapeHtml(`${curve.label}, step ${curve.x[index]!}: ${text}`);
    found.push(
      `<svg class="mark ${styleClasses(curve.style)}" x="${left}" y="${percent(top)}">` +
        `<title>${title}</title><path class="halo" d="${shape}"/><path d="${shape}"/></svg>`,
    );
  };
  const finite = (index: number): boolean => Number.isFinite(curve.y[index]!);
  let highest = -1;
  for (let index = 0; index < curve.y.length; index++) {
    if (finite(index)) {
      if (highest < 0 || curve.y[index]! > curve.y[highest]!) highest = index;
    } else if (index === 0 || finite(index - 1)) {
      const before = index > 0 ? 1 - placeOnAxis(y, curve.y[index - 1]!) : 0;
      const top = Math.min(1, Math.max(0, Number.isFinite(before) ? before : 1));
      mark(index, top, "M-4-4L4 4M-4 4L4-4", formatNumber(curve.y[index]!));
    }
  }
  if (highest >= 0 && curve.y[highest]! > y.high) {
    mark(highest, 0, "M-4 7L0 1L4 7Z", `${formatNumber(curve.y[highest]!)}, off the scale`);
  }
  return found.join("");
}

/** Labels beside the right ends of the lines, moved apart where they would overlap. */
function endLabels(lines: readonly Curve[], x: Axis, y: Axis): string {
  const ends = lines.flatMap((curve) => {
    const value = curve.y.at(-1);
    if (value === undefined || !isInside(y, value)) return [];
    if (placeOnAxis(x, curve.x.at(-1)!) < 0.985) return [];
    const end = HEIGHT * (1 - placeOnAxis(y, value));
    return [{ curve, end, at: end }];
  }).sort((a, b) => a.end - b.end);
  spread(ends);
  return ends.map(({ curve, end, at }) =>
    `<svg class="end ${styleClasses(curve.style)}" x="100%">` +
    `<path d="M3 ${tenth(end)}L11 ${tenth(at)}"/>` +
    `<text x="15" y="${tenth(at)}" dy=".32em">${escapeHtml(curve.label)}</text></svg>`
  ).join("");
}

/** Moves sorted places apart, each crowd staying centred on where it wants to be. */
function spread(ends: { at: number }[]): void {
  const crowds: { members: { at: number }[]; centre: number }[] = [];
  for (const end of ends) {
    let crowd = { members: [end], centre: end.at };
    for (let above = crowds.at(-1); above !== undefined; above = crowds.at(-1)) {
      const needed = LABEL_DISTANCE * (above.members.length + crowd.members.length) / 2;
      if (crowd.centre - above.centre >= needed) break;
      const members = [...above.members, ...crowd.members];
      const centre = members.reduce((sum, { at }) => sum + at, 0) / members.length;
      crowd = { members, centre };
      crowds.pop();
    }
    const half = LABEL_DISTANCE * (crowd.members.length - 1) / 2;
    crowd.centre = Math.max(half, Math.min(HEIGHT - half, crowd.centre));
    crowds.push(crowd);
  }
  for (const { members, centre } of crowds) {
    members.forEach((member, index) => {
      member.at = centre + LABEL_DISTANCE * (index - (members.length - 1) / 2);
    });
  }
}

function isInside(axis: Axis, value: number): boolean {
  return value >= axis.low && value <= axis.high;
}

function percent(share: number): string {
  return `${tenth(100 * share, 2)}%`;
}

function tenth(value: number, decimals: number = 1): string {
  return String(Number(value.toFixed(decimals)));
}
