import type { Axis } from "./axis.ts";
import { formatNumber } from "./number-format.ts";

/** Says in words which values an axis cannot show; empty if it shows all of them. */
export function offAxis(values: readonly number[], y: Axis): string {
  const found: string[] = [];
  const say = (text: string, index: number): void => {
    found.push(`${formatNumber(values[index]!)} at step ${index + 1}${text}`);
  };
  const broken = values.findIndex((value) => !Number.isFinite(value));
  const finite = values.filter((value) => Number.isFinite(value));
  const highest = values.indexOf(finite.reduce((a, b) => Math.max(a, b), -Infinity));
  if (highest >= 0 && values[highest]! > y.high) say(", off the scale", highest);
  if (broken >= 0) say("", broken);
  const under = values.findIndex((value) => value < y.low && Number.isFinite(value));
  const count = finite.filter((value) => value < y.low).length;
  if (count === 1) say(", below the axis", under);
  if (count > 1) found.push(`below the axis in ${count} steps`);
  return found.join("; ");
}
