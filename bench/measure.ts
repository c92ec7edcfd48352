import { measure } from "mitata";

/** The median time of one call in nanoseconds, over so many milliseconds of calls (one at least). */
export async function medianTime(step: () => unknown, milliseconds: number): Promise<number> {
  const { p50 } = await measure(step, {
    min_cpu_time: milliseconds * 1e6,
    min_samples: 1,
    batch_samples: 64,
    gc: false,
  });
  return p50;
}

/** The mean magnitude of an array: one number to compare libraries by. */
export function meanSize(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!);
  return sum / values.length;
}

/** The mean magnitude of what changed in an array. */
export function meanChange(before: ArrayLike<number>, after: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < before.length; i++) sum += Math.abs(after[i]! - before[i]!);
  return sum / before.length;
}
