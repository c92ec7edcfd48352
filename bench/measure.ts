import { measure } from "mitata";
import { median } from "./results.ts";

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

/** Calls of one batch take at least so many milliseconds, that waiting for the end weighs little. */
const BATCH = 100;

/**
 * The median time of one call in nanoseconds on a device that works on its own, over so many milliseconds: of batches
 * of calls, each with one wait for the end.
 */
export async function medianOfBatches(
  step: () => unknown,
  finish: () => Promise<unknown>,
  milliseconds: number,
): Promise<number> {
  const timeOf = async (calls: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) step();
    await finish();
    return performance.now() - start;
  };
  await finish();
  let calls = 1;
  let last = await timeOf(calls);
  while (last < BATCH && calls < 4096) last = await timeOf(calls *= 2);
  const times = [last / calls];
  for (let total = last; total < milliseconds;) {
    const time = await timeOf(calls);
    times.push(time / calls);
    total += time;
  }
  return median(times) * 1e6;
}

/** The median time in nanoseconds that a call takes to return, waiting for the end of each outside of that. */
export async function medianCall(
  step: () => unknown,
  finish: () => Promise<unknown>,
  milliseconds: number,
): Promise<number> {
  const times: number[] = [];
  for (const begin = performance.now(); performance.now() - begin < milliseconds;) {
    const start = performance.now();
    step();
    times.push(performance.now() - start);
    await finish();
  }
  return median(times) * 1e6;
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
