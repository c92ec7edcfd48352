import type { DeviceName } from "../backend/registry.ts";
import type { Shape } from "../core/shape.ts";

/** One pass over memory that a jitted function makes. */
export interface KernelExplanation {
  /** "map" or "reduce" for a fused loop nest, or the name of the one primitive. */
  readonly op: string;
  /** The primitives of element-wise work and reductions in it, each once, in order. */
  readonly computes: readonly string[];
  /** The extents that it runs over; for a primitive other than a loop nest, the shape of its result. */
  readonly extents: Shape;
  /** How many of the last extents are reduced. */
  readonly reduced: number;
  /** How many times it goes over the reduced extents before it comes to the next row. */
  readonly sweeps: number;
  /** Values that it computes or reads for each point. */
  readonly statements: number;
  /** Arrays (and numbers in memory) that it reads. */
  readonly loads: number;
  /** Arrays (and numbers in memory) that it writes. */
  readonly stores: number;
  /** Bytes of memory that it reads; an element that it needs several times counts once. */
  readonly bytesRead: number;
  /** Bytes of memory that it writes. */
  readonly bytesWritten: number;
  /** Arithmetic on elements. */
  readonly flops: number;
  /** How the backend runs it, where it says so. */
  readonly runs: string | undefined;
  /** How long it took, where `profile` measured it. */
  readonly nanoseconds: number | undefined;
}

/** What a jitted function became; `String(explanation)` is a table to read. */
export interface Explanation {
  /** The name of the function. */
  readonly name: string;
  /** Where it runs. */
  readonly device: DeviceName;
  /** What runs there at the moment, and why where that is not what one would expect. */
  readonly backend: string;
  /** Instructions of the traced graph, and of the simplified one. */
  readonly instructions: { readonly traced: number; readonly simplified: number };
  /** Its passes over memory, in order. */
  readonly kernels: readonly KernelExplanation[];
  /** Bytes that all kernels read. */
  readonly bytesRead: number;
  /** Bytes that all kernels write. */
  readonly bytesWritten: number;
  /** Arithmetic on elements, by all kernels. */
  readonly flops: number;
  /** Bytes for intermediate values, used by every call again. */
  readonly arenaBytes: number;
  /** Bytes for results that each call allocates, because they take over no donated argument. */
  readonly freshBytes: number;
  /** A table of the kernels. */
  toString(): string;
}

/** Operations that a row names before it says "and more". */
const mostNamed = 5;

/** A table of the kernels between a line about the program and one about its memory. */
export function printExplanation(explanation: Omit<Explanation, "toString">): string {
  const { name, device, backend, instructions, kernels } = explanation;
  const where = device === backend ? device : `${device} (${backend})`;
  const times = kernels.flatMap(({ nanoseconds }) => nanoseconds ?? []);
  const speaks = kernels.some(({ runs }) => runs !== undefined);
  const heading = ["", "over", "computes", "arrays", "read", "written", "flops"];
  const rows = kernels.map(rowOf);
  const total = ["total", "", "", "", ...amounts(explanation)];
  const table = [heading, ...rows, total];
  if (times.length > 0) {
    heading.push("time");
    rows.forEach((row, i) => row.push(duration(kernels[i]!.nanoseconds ?? 0)));
    total.push(duration(times.reduce((sum, time) => sum + time, 0)));
  }
  if (speaks) {
    heading.push("runs");
    rows.forEach((row, i) => row.push(kernels[i]!.runs ?? ""));
    total.push("");
  }
  return [
    `${name} on ${where}: ${counted(kernels.length, "kernel")} from ` +
    `${counted(instructions.traced, "instruction")}, ${instructions.simplified} when simplified`,
    ...aligned(table),
    `${quantity(explanation.arenaBytes, "B")} for intermediate values, kept; ` +
    `${quantity(explanation.freshBytes, "B")} for results, allocated by each call`,
  ].join("\n");
}

function rowOf(kernel: KernelExplanation): string[] {
  const { op, extents, reduced, sweeps, computes, loads, stores } = kernel;
  const outer = extents.slice(0, extents.length - reduced).join(" ");
  const times = sweeps > 1 ? `${sweeps} x ` : "";
  const inner = times + extents.slice(extents.length - reduced).join(" ");
  const named = computes.slice(0, mostNamed).join(" ");
  return [
    op,
    `[${reduced === 0 ? outer : `${outer} | ${inner}`.trim()}]`,
    computes.length > mostNamed ? `${named} +${computes.length - mostNamed}` : named,
    `${loads} > ${stores}`,
    ...amounts(kernel),
  ];
}

function amounts(
  { bytesRead, bytesWritten, flops }: { bytesRead: number; bytesWritten: number; flops: number },
): string[] {
  return [quantity(bytesRead, "B"), quantity(bytesWritten, "B"), quantity(flops, "")];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** "12.3 us": three digits of milliseconds from one on, of microseconds below. */
function duration(nanoseconds: number): string {
  const isLong = nanoseconds >= 1e6;
  return `${Number((nanoseconds / (isLong ? 1e6 : 1e3)).toPrecision(3))} ${isLong ? "ms" : "us"}`;
}

const prefixes = ["", "k", "M", "G", "T", "P"];

/** Three digits and a decimal prefix: "84 kB", "1.2 MB". */
function quantity(value: number, unit: string): string {
  let power = 0;
  while (value >= 999.5 && power < prefixes.length - 1) {
    value /= 1000;
    power++;
  }
  return `${Number(value.toPrecision(3))} ${prefixes[power]}${unit}`.trimEnd();
}

/** Columns of text to the left and from "arrays" on to the right, with a rule below the heading. */
function aligned(table: readonly (readonly string[])[]): string[] {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const isNumber = (column: number) => column >= 3 && column <= 6 || table[0]![column] === "time";
  const line = (row: readonly string[]) =>
    row.map((cell, column) =>
      isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd();
  const [heading, ...rest] = table.map(line);
  return [heading!, widths.map((width) => "-".repeat(width)).join("  "), ...rest];
}
