import { bytesPerElement, type DType } from "../../src/core/dtype.ts";
import {
  argumentsOf,
  lateOf,
  type Loop,
  type Statement,
  sweepsOf,
} from "../../src/backend/loop.ts";
import { castNeedsTwoLanes } from "./cast.ts";
import { isNonNegative } from "./extrema.ts";

/** One loop of the nest. */
export interface Axis {
  readonly extent: number;
  readonly reduced: boolean;
}

/** Something that moves with the loops: the address of accesses (in bytes), or the value of an index. */
export interface Cursor {
  /** The buffer; undefined for an index. */
  readonly buffer: number | undefined;
  /** Where it stands at the first point, beside the buffer's address. */
  start: number;
  /** By how much it moves along each axis. */
  readonly strides: readonly number[];
}

/** An access through a cursor. */
export interface Place {
  readonly cursor: Cursor;
  /** In bytes, from the cursor on. */
  readonly distance: number;
  readonly dtype: DType;
}

/** A statement, and where in the nest it is computed. */
export interface Step {
  readonly statement: Statement;
  /** The place of a load, the cursor of an index. */
  readonly place: Place | undefined;
  /** It is computed inside of that many loops, the innermost of those it depends on. */
  readonly level: number;
  /** It has a value for each element of a vector. */
  readonly varies: boolean;
  /** Computed in or after that sweep over the reduced loops. */
  readonly sweep: number;
  /** Computed after the reduced loops. */
  readonly after: boolean;
  /** Its sign bit is not set, unless it is NaN. */
  readonly nonNegative: boolean;
}

/** A store, and where in the nest it happens. */
export interface StoreStep {
  readonly statement: number;
  readonly place: Place;
  readonly level: number;
  readonly varies: boolean;
  readonly sweep: number;
  readonly after: boolean;
}

/** A loop nest made ready for code. */
export interface LoopPlan {
  /** Outermost first; there is at least one axis that is not reduced. */
  readonly axes: readonly Axis[];
  /** How many axes are not reduced. */
  readonly outer: number;
  /** The axis along which vectors lie: the last one, or for columns the last one that is not reduced. */
  readonly vectorAxis: number;
  readonly lanes: 2 | 4;
  readonly cursors: readonly Cursor[];
  /** How many times the reduced loops run. */
  readonly sweeps: number;
  readonly steps: readonly Step[];
  readonly stores: readonly StoreStep[];
}

interface Walker {
  readonly buffer: number | undefined;
  readonly offset: number;
  strides: number[];
}

/** Collapses axes, shares cursors and finds where each statement is computed. */
export function planLoop(loop: Loop): LoopPlan {
  const { statements } = loop;
  const rank = loop.extents.length;
  const walkers = new Map<Statement | Loop["stores"][number], Walker>();
  for (const statement of statements) {
    if (statement.kind === "load") walkers.set(statement, walkerOf(statement.access));
    if (statement.kind === "index") {
      const strides = new Array<number>(rank).fill(0);
      strides[statement.axis] = statement.stride;
      walkers.set(statement, { buffer: undefined, offset: statement.offset, strides });
    }
  }
  for (const store of loop.stores) walkers.set(store, walkerOf(store.access));

  const axes = collapse(loop, [...walkers.values()]);
  const outer = axes.filter((axis) => !axis.reduced).length;
  const vectorAxis = loop.columns ? outer - 1 : axes.length - 1;

  const cursors = new Map<string, Cursor>();
  const places = new Map<unknown, Place>();
  for (const [owner, { buffer, offset, strides }] of walkers) {
    const key = `${buffer} ${strides}`;
    let cursor = cursors.get(key);
    // Indices do not share: their start is their value.
    if (cursor === undefined || buffer === undefined) {
      cursor = { buffer, start: offset, strides };
      cursors.set(buffer === undefined ? `${cursors.size} index` : key, cursor);
    }
    cursor.start = Math.min(cursor.start, offset);
    const { dtype } = "access" in owner ? owner.access : owner as Statement;
    places.set(owner, { cursor, distance: offset, dtype });
  }
  for (const [owner, place] of places) {
    places.set(owner, { ...place, distance: place.distance - place.cursor.start });
  }

  const sweepOf = sweepsOf(loop);
  const isLate = lateOf(loop);
  const stored = new Set(loop.stores.map(({ access }) => access.buffer));
  const steps: Step[] = [];
  statements.forEach((statement, index) => {
    const place = places.get(statement);
    const from = place === undefined
      ? { level: 0, varies: false }
      : reach(place.cursor.strides, vectorAxis);
    const args = argumentsOf(statement).map((index) => steps[index]!);
    const sweep = sweepOf[index]!;
    const after = isLate[index]!;
    let level = Math.max(from.level, ...args.map((arg) => arg.level));
    // What an earlier sweep has stored is not there before it has run.
    if (sweep > 0 && statement.kind === "load" && stored.has(statement.access.buffer)) {
      level = Math.max(level, outer);
    }
    let varies = from.varies || args.some((arg) => arg.varies);
    if (after) {
      level = outer;
      varies &&= vectorAxis < outer;
    }
    const nonNegative = isNonNegative(statement, (index) => steps[index]!.nonNegative);
    steps.push({ statement, place, level, varies, sweep, after, nonNegative });
  });
  const stores = loop.stores.map((store): StoreStep => {
    const place = places.get(store)!;
    const step = steps[store.statement]!;
    const to = reach(place.cursor.strides, vectorAxis);
    return {
      statement: store.statement,
      place,
      sweep: step.sweep,
      after: step.after,
      level: step.after ? outer : Math.max(step.level, to.level),
      varies: step.varies || to.varies,
    };
  });
  return {
    axes,
    outer,
    vectorAxis,
    lanes: needsTwoLanes(statements, loop) ? 2 : 4,
    cursors: [...cursors.values()],
    sweeps: 1 + (loop.sweeps?.length ?? 0),
    steps,
    stores,
  };
}

function walkerOf(access: Loop["stores"][number]["access"]): Walker {
  const size = bytesPerElement(access.dtype);
  return {
    buffer: access.buffer,
    offset: access.offset * size,
    strides: access.strides.map((stride) => stride * size),
  };
}

/** How many loops something that moves so lies in, and whether it differs within a vector. */
function reach(
  strides: readonly number[],
  vectorAxis: number,
): { level: number; varies: boolean } {
  return {
    level: strides.findLastIndex((stride) => stride !== 0) + 1,
    varies: strides[vectorAxis] !== 0,
  };
}

/**
 * Leaves out axes of extent 1 and merges neighbours that are not reduced and that all walk in one stride; rewrites their
 * strides.
 */
function collapse({ extents, reduced }: Loop, walkers: readonly Walker[]): Axis[] {
  const axes: { extent: number; reduced: boolean }[] = [];
  const strides: number[][] = [];
  extents.forEach((extent, axis) => {
    if (extent === 1) return;
    const isReduced = axis >= extents.length - reduced;
    const inner = walkers.map((walker) => walker.strides[axis]!);
    const last = axes.at(-1);
    if (
      last !== undefined && !last.reduced && !isReduced &&
      strides.at(-1)!.every((stride, k) => stride === inner[k]! * extent)
    ) {
      last.extent *= extent;
      strides[axes.length - 1] = inner;
    } else {
      axes.push({ extent, reduced: isReduced });
      strides.push(inner);
    }
  });
  if (axes[0]?.reduced !== false) {
    axes.unshift({ extent: 1, reduced: false });
    strides.unshift(walkers.map(() => 0));
  }
  walkers.forEach((walker, k) => walker.strides = strides.map((each) => each[k]!));
  return axes;
}

function needsTwoLanes(statements: readonly Statement[], { stores }: Loop): boolean {
  return stores.some(({ access }) => access.dtype === "float64") ||
    statements.some((statement) =>
      statement.dtype === "float64" ||
      (statement.kind === "index" && castNeedsTwoLanes("int32", statement.dtype)) ||
      (statement.kind === "apply" && statement.op === "cast" &&
        castNeedsTwoLanes(statements[statement.args[0]!]!.dtype, statement.dtype))
    );
}
