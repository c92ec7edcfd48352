import type { Access, Loop, Statement } from "./loop.ts";

/** A loop without the buffers that it runs over: what it has in common with loops that the same code can run. */
export interface LoopForm {
  /** Equal for loops of the same form. */
  readonly key: string;
  /**
   * The loop over buffers 0, 1, ... in the order of their first use, without axes of extent 1 and with neighbouring
   * axes merged where all accesses allow it, but for reduced ones. Where `extent` is longer than `longest`, it stands for any such extent.
   */
  readonly loop: Loop;
  /** The buffer that each of those stands for. */
  readonly buffers: readonly number[];
  /** The extent of the outermost axis, or 1 where that axis is reduced or absent. */
  readonly extent: number;
}

/** An axis of the form, and the innermost of the loop's axes that became part of it. */
interface Axis {
  extent: number;
  readonly reduced: boolean;
  last: number;
}

/**
 * The form of a loop: loops that differ in their buffers alone, in how their axes are cut, or in extents of the
 * outermost axis from `longest` on have the same one.
 */
export function formOf(loop: Loop, longest: number): LoopForm {
  const axes = mergedAxes(loop);
  const buffers: number[] = [];
  const numbers = new Map<number, number>();
  const numberOf = (buffer: number): number => {
    let number = numbers.get(buffer);
    if (number === undefined) numbers.set(buffer, number = buffers.push(buffer) - 1);
    return number;
  };
  const walk = (access: Access): Access => ({
    ...access,
    buffer: numberOf(access.buffer),
    strides: axes.map(({ last }) => access.strides[last]!),
  });
  const statements = loop.statements.map((statement): Statement => {
    if (statement.kind === "load") return { ...statement, access: walk(statement.access) };
    if (statement.kind !== "index") return statement;
    const axis = axes.findIndex(({ last }) => last === statement.axis);
    // Along an axis of extent 1 there is nothing but its start.
    return axis < 0 || statement.stride === 0
      ? { ...statement, axis: 0, stride: 0 }
      : { ...statement, axis };
  });
  const stores = loop.stores.map((store) => ({ ...store, access: walk(store.access) }));

  const extents = axes.map(({ extent }) => extent);
  const reduced = axes.filter((axis) => axis.reduced).length;
  let extent = 1;
  if (reduced < extents.length) {
    extent = extents[0]!;
    extents[0] = Math.min(extent, longest);
  }
  const form: Loop = { ...loop, extents, reduced, statements, stores };
  return { key: textOf(form), loop: form, buffers, extent };
}

/** Leaves out axes of extent 1, and merges neighbours that every access walks in one stride. */
function mergedAxes({ extents, reduced, statements, stores }: Loop): Axis[] {
  const accesses = stores.map(({ access }) => access.strides);
  const indexed = new Set<number>();
  for (const statement of statements) {
    if (statement.kind === "load") accesses.push(statement.access.strides);
    if (statement.kind === "index" && statement.stride !== 0) indexed.add(statement.axis);
  }
  const axes: Axis[] = [];
  extents.forEach((extent, at) => {
    if (extent === 1) return;
    const isReduced = at >= extents.length - reduced;
    const before = axes.at(-1);
    const merges = before !== undefined && !before.reduced && !isReduced &&
      !indexed.has(at) && !indexed.has(before.last) &&
      accesses.every((strides) => strides[before.last] === strides[at]! * extent);
    if (merges) {
      before.extent *= extent;
      before.last = at;
    } else {
      axes.push({ extent, reduced: isReduced, last: at });
    }
  });
  return axes;
}

/** Different for different loops. */
function textOf({ extents, reduced, columns, statements, sweeps = [], stores }: Loop): string {
  let text = `${extents}|${reduced}${columns ? " columns" : ""}|${sweeps}`;
  for (const statement of statements) text += `\n${textOfStatement(statement)}`;
  for (const { statement, access } of stores) text += `\n${statement}>${textOfAccess(access)}`;
  return text;
}

function textOfStatement(statement: Statement): string {
  const { kind, dtype } = statement;
  switch (kind) {
    case "load":
      return `load ${dtype} ${textOfAccess(statement.access)}`;
    case "literal": {
      const { value } = statement;
      return `literal ${dtype} ${Object.is(value, -0) ? "-0" : value}`;
    }
    case "index":
      return `index ${dtype} ${statement.axis} ${statement.stride} ${statement.offset}`;
    case "apply":
      return `${statement.op} ${dtype} ${statement.args} ${JSON.stringify(statement.params)}`;
    case "reduce":
      return `reduce ${statement.op} ${dtype} ${statement.arg}`;
  }
}

function textOfAccess({ buffer, dtype, offset, strides }: Access): string {
  return `${dtype} ${buffer}+${offset} ${strides}`;
}
