/** Loops, cut down to one store and brought into the order in which it writes. */
import { argumentsOf, type Loop, type Statement } from "../../src/backend/loop.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";

/** A loop of one store that writes its whole buffer in row-major order of the outer axes. */
export interface DenseLoop extends Loop {
  /** The statement that is stored. */
  readonly stored: number;
  /** The statements that it needs, in order. */
  readonly needed: readonly number[];
}

/** The statements that some of them need, themselves included, in order. */
export function neededFor(statements: readonly Statement[], wanted: readonly number[]): number[] {
  const needed = new Set<number>();
  const need = (index: number): void => {
    if (needed.has(index)) return;
    needed.add(index);
    argumentsOf(statements[index]!).forEach(need);
  };
  wanted.forEach(need);
  return [...needed].sort((a, b) => a - b);
}

/** A loop that writes some of the stores and computes nothing else. */
export function withStores(loop: Loop, stores: Loop["stores"]): Loop {
  const kept = neededFor(loop.statements, stores.map(({ statement }) => statement));
  const position = new Map(kept.map((index, at) => [index, at]));
  return {
    ...loop,
    statements: kept.map((index): Statement => {
      const statement = loop.statements[index]!;
      if (statement.kind === "apply") {
        return { ...statement, args: statement.args.map((arg) => position.get(arg)!) };
      }
      return statement.kind === "reduce"
        ? { ...statement, arg: position.get(statement.arg)! }
        : statement;
    }),
    stores: stores.map(({ statement, access }) => ({
      statement: position.get(statement)!,
      access,
    })),
  };
}

/**
 * The loop of one store with its outer axes in the order of the result; undefined where the store leaves parts of a
 * buffer of `size` elements as they were, or writes some of them twice: gpu.js writes all of an array, each element once.
 * `isLate` tells whether it stores what comes after a reduction.
 */
export function denseLoop(
  loop: Loop,
  which: number,
  size: number,
  isLate: boolean,
): DenseLoop | undefined {
  const { statements, stores, extents, reduced } = loop;
  const { statement: stored, access } = stores[which]!;
  const outer = isLate ? extents.length - reduced : extents.length;
  const axes = extents.slice(0, outer).map((_, axis) => axis)
    .filter((axis) => extents[axis] !== 1)
    .sort((a, b) => access.strides[b]! - access.strides[a]!);
  const shape = axes.map((axis) => extents[axis]!);
  const strides = stridesOf(shape);
  const isDense = access.offset === 0 && sizeOf(shape) === size &&
    axes.every((axis, i) => access.strides[axis] === strides[i]);
  if (!isDense) return undefined;

  const inner = extents.map((_, axis) => axis).slice(outer);
  const order = [...axes, ...inner];
  const dense: DenseLoop = {
    extents: order.map((axis) => extents[axis]!),
    reduced: inner.length,
    statements: statements.map((each) => reordered(each, order, extents)),
    stores: [],
    stored,
    needed: neededFor(statements, [stored]),
  };
  return merged(dense);
}

/** A statement that sees its axes in another order; axes that are left out have one point. */
function reordered(
  statement: Statement,
  order: readonly number[],
  extents: readonly number[],
): Statement {
  if (statement.kind === "load") {
    const strides = order.map((axis) => statement.access.strides[axis]!);
    return { ...statement, access: { ...statement.access, strides } };
  }
  if (statement.kind === "index") {
    const axis = order.indexOf(statement.axis);
    if (axis >= 0) return { ...statement, axis };
    if (extents[statement.axis] === 1) {
      return { kind: "literal", value: statement.offset, dtype: statement.dtype };
    }
  }
  return statement;
}

/** Adjacent outer axes become one where every load walks through them as through one. */
function merged(loop: DenseLoop): DenseLoop {
  const outer = loop.extents.length - loop.reduced;
  for (let axis = outer - 2; axis >= 0; axis--) {
    const extent = loop.extents[axis + 1]!;
    const isOne = loop.needed.every((index) => {
      const statement = loop.statements[index]!;
      if (statement.kind === "index") return statement.axis !== axis && statement.axis !== axis + 1;
      if (statement.kind !== "load") return true;
      const { strides } = statement.access;
      return strides[axis] === strides[axis + 1]! * extent;
    });
    if (!isOne) continue;
    const without = (list: readonly number[]): number[] => list.filter((_, i) => i !== axis);
    const extents = without(loop.extents);
    extents[axis] = loop.extents[axis]! * extent;
    const statements = loop.statements.map((statement): Statement => {
      if (statement.kind === "load") {
        const { access } = statement;
        return { ...statement, access: { ...access, strides: without(access.strides) } };
      }
      return statement.kind === "index" && statement.axis > axis
        ? { ...statement, axis: statement.axis - 1 }
        : statement;
    });
    return merged({ ...loop, extents, statements });
  }
  return loop;
}
