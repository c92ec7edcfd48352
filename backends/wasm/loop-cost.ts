import { lateOf, type Loop, type Statement } from "../../src/backend/loop.ts";
import { slow } from "../../src/backend/slow-operations.ts";

/** Nanoseconds of a call that has nothing to do. */
const callCost = 100;

/** Nanoseconds that a loop takes in one thread, roughly: to choose what is worth being shared. */
export function loopCost(loop: Loop): number {
  const { extents, reduced, statements } = loop;
  const points = product(extents);
  const outerPoints = product(extents.slice(0, extents.length - reduced));
  const isLate = lateOf(loop);
  let cost = callCost;
  statements.forEach((statement, index) => {
    const inside = !isLate[index] || statement.kind === "reduce";
    cost += (inside ? points : outerPoints) * costOf(statement);
  });
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
