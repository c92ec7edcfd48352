import { logAxis, placeOnAxis } from "../src/train/axis.ts";
import { escapeHtml } from "../src/train/escape.ts";
import { formatTime } from "./report.ts";
import type { Row } from "./results.ts";

const [LEFT, WIDTH, RIGHT, TOP, LINE] = [310, 640, 40, 66, 20];
// Told apart by colour and by shape (Okabe and Ito's palette).
const COLOURS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#7a5c00",
  "#56b4e9",
  "#e69f00",
  "#666",
];
const SHAPES = [
  "M-4-4H4V4H-4Z",
  "M0-5L5 4H-5Z",
  "M0-5L5 0L0 5L-5 0Z",
  "M-5-4H5L0 5Z",
  "M-4-4L4 4M-4 4L4-4",
  "M0-5V5M-5 0H5",
  "M4 0A4 4 0 1 1-4 0A4 4 0 1 1 4 0Z",
  "M-4-5H4L-4 5H4Z",
];

/**
 * Times of the other libraries as multiples of the first one's: a line for each size of a case, a mark for each
 * library, on a logarithmic axis; right of 1 is slower than the first.
 */
export function ratioChart(rows: readonly Row[], names: readonly string[]): string {
  const [first, ...others] = names;
  const lines = rows.flatMap((row) => {
    const base = row.results.find(({ runner }) => runner === first)?.median;
    if (base === undefined || row.results.length < 2) return [];
    const marks = row.results.filter(({ runner }) => runner !== first);
    return [{ label: `${row.title}, ${row.size}`, base, marks }];
  });
  const ratios = lines.flatMap(({ base, marks }) => marks.map((each) => each.median / base));
  const axis = logAxis(Math.min(0.9, ...ratios), Math.max(1.1, ...ratios), 6);
  const x = (ratio: number) => LEFT + placeOnAxis(axis, ratio) * WIDTH;
  const bottom = TOP + lines.length * LINE;
  const shown = others.filter((name) =>
    lines.some(({ marks }) => marks.some(({ runner }) => runner === name))
  );

  const mark = (name: string, left: number, top: number, title: string) => {
    const index = others.indexOf(name);
    const colour = COLOURS[index % COLOURS.length]!;
    const shape = SHAPES[index % SHAPES.length]!;
    return `<path transform="translate(${left.toFixed(1)} ${top})" d="${shape}" fill="${colour}" ` +
      `stroke="${colour}" stroke-width="1.5"><title>${escapeHtml(title)}</title></path>`;
  };
  const text = (left: number, top: number, words: string, anchor = "start") =>
    `<text x="${left.toFixed(1)}" y="${top}" text-anchor="${anchor}">${escapeHtml(words)}</text>`;

  let at = LEFT;
  const legend = shown.map((name) => {
    const entry = mark(name, at, 36, name) + text(at + 9, 40, name);
    at += 30 + 6.3 * name.length;
    return entry;
  });
  const grid = axis.ticks.map(({ value, label }) =>
    `<path d="M${x(value).toFixed(1)} ${TOP - 6}V${bottom}" stroke="#ddd"/>` +
    text(x(value), bottom + 16, label, "middle")
  );
  const body = lines.map(({ label, base, marks }, index) => {
    const top = TOP + (index + 0.5) * LINE;
    return text(LEFT - 10, top + 4, label, "end") +
      marks.map(({ runner, median, note }) => {
        const words = `${runner}${note ? ` (${note})` : ""}: ${formatTime(median)}`;
        return mark(runner, x(median / base), top, `${words}; ${first}: ${formatTime(base)}`);
      }).join("");
  });
  const width = LEFT + WIDTH + RIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${
    bottom + 44
  }" width="${width}" ` +
    `font-family="sans-serif" font-size="12" fill="#222">` +
    `<title>Times as multiples of ${escapeHtml(first!)}</title>` +
    `<rect width="100%" height="100%" fill="#fff"/>` +
    text(LEFT, 18, `Time as a multiple of ${first} (median; right of 1: slower than ${first})`) +
    legend.join("") + grid.join("") +
    `<path d="M${x(1).toFixed(1)} ${TOP - 6}V${bottom}" stroke="#222"/>` + body.join("") +
    text(LEFT + WIDTH / 2, bottom + 36, `times ${first}`, "middle") + "</svg>\n";
}
