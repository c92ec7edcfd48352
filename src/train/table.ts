import { OptionError } from "../core/errors.ts";
import { checkList, checkType } from "../core/options.ts";
import { formatNumber } from "./number-format.ts";

/** A column of {@link formatTable}. */
export interface TableColumn {
  /** The heading. */
  readonly title: string;
  /** The side that cells keep to; right where the column holds a number, unless given. */
  readonly align?: "left" | "right";
}

const GAP = "  ";

/**
 * Lays out rows as aligned plain text: a heading, a rule, a line per row.
 *
 * Numbers are written by {@link formatNumber} (NaN and infinities as such); line breaks and other
 * control characters in cells become spaces.
 *
 * @example
 * ```ts
 * import { formatTable } from "softstep";
 *
 * console.log(formatTable(["run", "loss"], [["s3", 1.5], ["adamw", NaN]]));
 * // => run     loss
 * //    -----  -----
 * //    s3     1.500
 * //    adamw    NaN
 * ```
 *
 * @param columns Headings, or headings with an alignment.
 * @param rows A cell for each column, in each row.
 * @returns The lines, joined by line breaks, without one at the end.
 * @throws {OptionError} If a cell is neither text nor a number, or a row has more or fewer cells than there are columns.
 */
export function formatTable(
  columns: readonly (string | TableColumn)[],
  rows: readonly (readonly (string | number)[])[],
): string {
  checkList("formatTable", "columns", columns);
  checkList("formatTable", "rows", rows);
  rows.forEach((row, index) => {
    checkList("formatTable", `rows[${index}]`, row);
    if (row.length !== columns.length) {
      throw new OptionError(
        "formatTable",
        `rows[${index}] has ${row.length} cells; expected ${columns.length}`,
      );
    }
  });
  const cells = rows.map((row) => row.map(cellText));
  const laidOut = columns.map((column, index) => {
    const { title, align } = typeof column === "string" ? { title: column } : Object(column);
    checkType("formatTable", `the title of columns[${index}]`, title, "string");
    const right = rows.some((row) => typeof row[index] === "number");
    const heading = cellText(title);
    const width = Math.max(columnsOf(heading), ...cells.map((row) => columnsOf(row[index]!)));
    return { heading, width, right: align === undefined ? right : align === "right" };
  });
  const line = (texts: readonly string[]): string =>
    laidOut.map(({ width, right }, index) => {
      const fill = " ".repeat(width - columnsOf(texts[index]!));
      return right ? fill + texts[index]! : texts[index]! + fill;
    }).join(GAP).trimEnd();
  const rule = laidOut.map(({ width }) => "-".repeat(width)).join(GAP);
  return [line(laidOut.map(({ heading }) => heading)), rule, ...cells.map(line)].join("\n");
}

function cellText(cell: string | number): string {
  // deno-lint-ignore no-control-regex -- they would break the line
  const control = /[\u0000-\u001f\u007f-\u009f]/g;
  if (typeof cell === "number") return formatNumber(cell);
  checkType("formatTable", "a cell", cell, "string");
  return cell.replace(control, " ");
}

/** One column per character, also for those outside the basic plane. */
function columnsOf(text: string): number {
  return Array.from(text).length;
}
