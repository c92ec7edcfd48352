import { formatNumber, formatTable } from "../mod.ts";
import { disagreements, type Row } from "./results.ts";

/** Rows of one case as a table: the first library's time, then times and ratios of the others. */
export function caseTable(rows: readonly Row[], names: readonly string[]): string {
  const present = names.filter((name) =>
    rows.some(({ results }) => results.some(({ runner }) => runner === name))
  );
  const rate = rows.find((row) => row.rate !== undefined)?.rate?.label;
  const right = (title: string) => ({ title, align: "right" }) as const;
  const columns = ["", ...(rate === undefined ? [] : [right(rate)]), ...present.map(right)];
  const lines = rows.map((row) => {
    const base = row.results.find(({ runner }) => runner === names[0])?.median;
    const cells = present.map((name) => {
      const result = row.results.find(({ runner }) => runner === name);
      if (result === undefined) return "-";
      const ratio = name === names[0] || base === undefined
        ? ""
        : ` (${formatNumber(result.median / base, 3)}${result.note ? `, ${result.note}` : ""})`;
      return formatTime(result.median) + ratio;
    });
    const value = row.rate === undefined ? "-" : formatNumber(row.rate.value, 3);
    return [row.size, ...(rate === undefined ? [] : [value]), ...cells];
  });
  return formatTable(columns, lines);
}

/** What went wrong, in plain lines: failures and libraries that compute something else. */
export function remarks(row: Row): string[] {
  const failed = row.absent.filter((each) => each.failed).map(({ runner, reason }) =>
    `${runner}: ${reason}`
  );
  const different = disagreements(row).map((name) => `${name}: its result differs from the first`);
  return [...failed, ...different].map((line) => `  ${row.size}: ${line}`);
}

/** A time in nanoseconds with a unit that suits it. */
export function formatTime(nanoseconds: number): string {
  const [size, unit] = nanoseconds < 1e3
    ? [1, "ns"]
    : nanoseconds < 1e6
    ? [1e3, "us"]
    : nanoseconds < 1e9
    ? [1e6, "ms"]
    : [1e9, "s"];
  return `${formatNumber(nanoseconds / size, 3)} ${unit}`;
}
