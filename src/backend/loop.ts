import type { DType } from "../core/dtype.ts";
import type { ElementwiseName, PrimitiveParams } from "../graph/instruction-set.ts";

/** How a loop nest walks a buffer: in elements, one stride for each axis of the nest (0 repeats). */
export interface Access {
  readonly buffer: number;
  readonly dtype: DType;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** One value that a loop nest computes, for a point of the nest or (after a reduction) for a point of its outer axes. */
export type Statement =
  | { readonly kind: "load"; readonly access: Access; readonly dtype: DType }
  | { readonly kind: "literal"; readonly value: number; readonly dtype: DType }
  /** The position along an axis of the nest, times `stride`, plus `offset`: an iota. */
  | {
    readonly kind: "index";
    readonly axis: number;
    readonly stride: number;
    readonly offset: number;
    readonly dtype: DType;
  }
  /** An element-wise primitive on earlier statements. */
  | {
    readonly kind: "apply";
    readonly op: ElementwiseName;
    readonly params: PrimitiveParams[ElementwiseName];
    readonly args: readonly number[];
    readonly dtype: DType;
  }
  /** An earlier statement combined over the reduced axes. */
  | {
    readonly kind: "reduce";
    readonly op: "sum" | "max" | "min";
    readonly arg: number;
    readonly dtype: DType;
  };

/**
 * A fused kernel: a nest of loops over `extents`, outermost first. The last `reduced` axes are summed away by
 * `reduce` statements; a statement that depends on one is computed once for each point of the outer axes, all
 * others at every point. A store writes a statement's value through an access; the stride of an axis that the
 * value does not depend on because it was reduced is 0, and that store happens once.
 *
 * For each point of the outer axes there may be several sweeps over the reduced ones, where the backend says that it
 * takes them: the statements from one of `sweeps` on are a sweep of their own. They see what earlier sweeps have
 * reduced, and what was computed from that, as numbers; for them only reductions of their own sweep make a statement
 * one that is computed once. What earlier sweeps had at every point is out of their reach, unless it was stored: then
 * it is loaded through the same access. Literals belong to all sweeps.
 *
 * Sums of floats are added up in an order that depends on their dtype, on the extents of the reduced axes and on `columns`
 * alone. So reduced axes that are neighbours in the order of the elements are always one axis here, and those that are
 * not are never merged: the same sum has the same bits in any loop.
 *
 * A buffer that is stored may also be loaded, if every load of it goes through the same access: then each point is
 * read before it is written. In later sweeps the load gives what was stored.
 */
export interface Loop {
  readonly extents: readonly number[];
  readonly reduced: number;
  /**
   * Whether elements that are neighbours belong to different sums: the last axis in the order of the elements is not
   * reduced (and worth a vector).
   */
  readonly columns?: boolean;
  readonly statements: readonly Statement[];
  /** Where in `statements` each sweep but the first begins, ascending; absent where there is only one. */
  readonly sweeps?: readonly number[];
  readonly stores: readonly { readonly statement: number; readonly access: Access }[];
}

/** Fewer columns would leave most of a vector idle. */
const fewestColumns = 4;

/** Whether a reduction is one of `columns`, given its axes in the order of the elements. */
export function hasColumns(
  axes: readonly { readonly extent: number; readonly reduced: boolean }[],
): boolean {
  const from = 1 + axes.findLastIndex(({ reduced }) => reduced);
  const columns = axes.slice(from).reduce((product, { extent }) => product * extent, 1);
  return from > 0 && columns >= fewestColumns;
}

/** The buffers that a loop reads and writes, each once. */
export function buffersOf({ statements, stores }: Loop): number[] {
  const loads = statements.flatMap((each) => each.kind === "load" ? [each.access.buffer] : []);
  return [...new Set([...loads, ...stores.map(({ access }) => access.buffer)])];
}

/** The sweep of each statement. */
export function sweepsOf({ statements, sweeps = [] }: Loop): number[] {
  let sweep = 0;
  return statements.map((_, index) => {
    while (index >= (sweeps[sweep] ?? Infinity)) sweep++;
    return sweep;
  });
}

/** Whether each statement is computed once for each point of the outer axes, after a reduction in its sweep. */
export function lateOf(loop: Loop): boolean[] {
  const sweeps = sweepsOf(loop);
  const late: boolean[] = [];
  loop.statements.forEach((statement, index) => {
    const needsLate = argumentsOf(statement).some((arg) =>
      late[arg] && sweeps[arg] === sweeps[index]
    );
    late.push(statement.kind === "reduce" || needsLate);
  });
  return late;
}

/** The statements that a statement reads. */
export function argumentsOf(statement: Statement): readonly number[] {
  if (statement.kind === "apply") return statement.args;
  return statement.kind === "reduce" ? [statement.arg] : [];
}
