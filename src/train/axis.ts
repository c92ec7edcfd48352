/** A labelled place on an axis. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** A scale from `low` to `high` with ticks at round values, ascending. */
export interface Axis {
  readonly kind: "linear" | "log";
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly Tick[];
}

/** Logarithmic axes end here, where powers of ten are still far from overflow. */
const [SMALLEST, LARGEST] = [1e-300, 1e300];

/** Where `value` lies: 0 at the low end, 1 at the high end, outside of both beyond them. */
export function placeOnAxis(axis: Axis, value: number): number {
  const { low, high } = axis;
  return axis.kind === "linear"
    ? (value - low) / (high - low)
    : (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low));
}

/** An axis of counts from 0 to `high`, with about `count` ticks at round whole numbers. */
export function countAxis(high: number, count: number): Axis {
  const step = Math.max(1, roundStep(high / count));
  const ticks: Tick[] = [];
  for (let value = 0; value <= high; value += step) ticks.push({ value, label: String(value) });
  return { kind: "linear", low: 0, high, ticks };
}

/**
 * A logarithmic axis over at least `low` to `high`, both positive: whole decades, or ticks between
 * them where there are fewer than two.
 */
export function logAxis(low: number, high: number, count: number): Axis {
  const clamp = (value: number): number => Math.min(Math.max(value, SMALLEST), LARGEST);
  [low, high] = [clamp(low), clamp(high)];
  if (!(high > low)) [low, high] = [low / 2, low * 2];
  const decades = Math.log10(high) - Math.log10(low); // the ratio might overflow
  const leads = decades < 0.9 ? [1, 1.5, 2, 3, 4, 5, 7] : decades < 2 ? [1, 2, 5] : [1];
  const every = decades < 2 ? 1 : Math.ceil(decades / count);
  const grid: Tick[] = [];
  const firstPower = Math.floor(Math.log10(low)) - every;
  const lastPower = Math.ceil(Math.log10(high)) + every;
  for (let power = firstPower; power <= lastPower; power++) {
    if (power % every !== 0) continue;
    for (const lead of leads) {
      grid.push({ value: Number(`${lead}e${power}`), label: powerLabel(lead, power) });
    }
  }
  const usable = grid.filter(({ value }) => value > 0 && value < Infinity);
  const start = Math.max(0, usable.findLastIndex(({ value }) => value <= low));
  const end = usable.findIndex(({ value }) => value >= high);
  const ticks = usable.slice(start, end < 0 ? usable.length : end + 1);
  return { kind: "log", low: ticks[0]!.value, high: ticks.at(-1)!.value, ticks };
}

/** The multiple of 1, 2 or 5 times a power of ten next above a size. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  const lead = [1, 2, 5, 10].find((candidate) => candidate * power >= size * (1 - 1e-9)) ?? 10;
  return lead * power;
}

function powerLabel(lead: number, power: number): string {
  if (power === 0 || power === 1) return String(lead * 10 ** power);
  const raised = Array.from(String(power), (digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]);
  return lead === 1 ? `10${raised.join("")}` : `${lead}·10${raised.join("")}`;
}
