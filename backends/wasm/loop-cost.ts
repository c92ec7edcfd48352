import type { Loop, Statement } from "../../src/backend/loop.ts";

/** Instructions that take many times as long as an addition. */
export const slow: ReadonlySet<string> = new Set([
  "cbrt",
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "tanh",
  "erf",
  "pow",
  "rem",
]);

/** Nanoseconds of a call that has nothing to do. */
const callCost = 100;

/** Nanoseconds that a loop takes in one thread, roughly: to choose what is worth being shared. */
export function loopCost({ extents, reduced, statements }: Loop): number {
  const points = product(extents);
  const outerPoints = product(extents.slice(0, extents.length - reduced));
  const after: boolean[] = [];
  let cost = callCost;
  for (const statement of statements) {
    const late = statement.kind === "reduce" ||
      (statement.kind === "apply" && statement.args.some((arg) => after[arg]));
    after.push(late);
    const inside = !late || statement.kind === "reduce";
    cost += (inside ? points : outerPoints) * costOf(statement);
  }
  return cost;
}

function costOf(statement: Statement): number {
  switch (statement.kind) {
    case "literal":
      return 0;
    case "load":
      return (statement.access.strides.at(-1) ?? 0) <= 1 ? 0.1 : 0.6;
    case "apply":
      return slow.has(statement.op) ? 1 : 0.07;
    default:
      return 0.07;
  }
}

function product(extents: readonly number[]): number {
  return extents.reduce((all, extent) => all * extent, 1);
}
