/** What one library did with one size of a case. */
export interface Result {
  readonly runner: string;
  /** Median over the rounds of each round's median, in nanoseconds. */
  readonly median: number;
  /** Each round's median. */
  readonly rounds: readonly number[];
  /** What was timed instead of what was asked for. */
  readonly note?: string;
  /** The number that libraries should agree on. */
  readonly check?: number;
}

/** All libraries beside one another. */
export interface Row {
  readonly case: string;
  readonly title: string;
  readonly size: string;
  /** The first library's rate in the case's own measure, with its name. */
  readonly rate?: { readonly label: string; readonly value: number };
  readonly results: readonly Result[];
  /** Why a library has no result: it does not do this, or it failed. */
  readonly absent: readonly {
    readonly runner: string;
    readonly reason: string;
    readonly failed: boolean;
  }[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Names of the libraries whose check differs from the first one's by more than rounding can explain. */
export function disagreements({ results }: Row): string[] {
  const [first, ...others] = results;
  if (first?.check === undefined) return [];
  const isFar = ({ check, note }: Result) =>
    check !== undefined && note === undefined &&
    !(Math.abs(check - first.check!) <= 2e-3 * Math.abs(first.check!));
  return others.filter(isFar).map(({ runner }) => runner);
}
