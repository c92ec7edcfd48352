import { isWorthSplitting, type SplitOptions } from "../../src/backend/split-reduction.ts";

type Parts = Pick<SplitOptions, "partPoints" | "mostResults">;

/** How reductions to so many results are cut in two stages, so that all of a GPU takes part in long ones. */
export function partsFor(results: number): Parts {
  // The more results there are, the fewer parts keep a GPU busy.
  return { partPoints: results <= 16 ? 8192 : 2048, mostResults: 1024 };
}

/** With so many rows a workgroup each keeps a GPU busy. */
const manyRows = 256;

/**
 * Whether a loop that sweeps over rows is worth more than several passes: it reads and writes them once, but has one
 * workgroup for a row. That must not take longer than reductions in two stages, which a few long rows would have.
 */
export function sweepsPay(rows: number, points: number): boolean {
  return rows >= manyRows || !isWorthSplitting(rows, points, partsFor(rows));
}
