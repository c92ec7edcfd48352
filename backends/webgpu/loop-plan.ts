import { argumentsOf, type Loop, sweepsOf } from "../../src/backend/loop.ts";
import { typeOf } from "./argument.ts";
import { type Axes, axesOf, type Level, levelsOf, type Walk } from "./loop-axes.ts";
import type { ShaderLimits } from "./shader.ts";

/** Who computes what of a loop nest. */
export type Division =
  /** An invocation computes one outer point, and walks all that is reduced into it. */
  | { readonly kind: "each"; readonly invocations: number }
  /**
   * A workgroup computes `columns` outer points, each by `slices` invocations that take every slices-th reduced point
   * and combine what they have in a tree. Neighbouring invocations are neighbouring slices, or columns.
   */
  | {
    readonly kind: "tree";
    readonly slices: number;
    readonly columns: number;
    readonly neighbours: "slices" | "columns";
  };

/** A loop nest made ready for text. */
export interface LoopPlan {
  readonly loop: Loop;
  readonly axes: Axes;
  readonly levels: readonly Level[];
  /** In which sweep over the reduced axes each statement is computed. */
  readonly sweepOf: readonly number[];
  /** How many there are. Every point belongs to the same invocation in all of them. */
  readonly sweeps: number;
  /** The axis along which four elements are computed at once. */
  readonly vectorAxis: number | undefined;
  /** Which statements have one value for each of the four. */
  readonly varies: readonly boolean[];
  readonly division: Division;
  /** Invocations along outer axes, and along reduced ones: points, or vectors of them. */
  readonly outerCount: number;
  readonly innerCount: number;
}

/** Reductions of fewer points are not worth a workgroup's barriers. */
const fewPoints = 32;
/** So many results keep a GPU busy, one an invocation. */
const manyResults = 2 ** 16;
/** With so many results a slice has so many steps: the fewer slices, the less is left to be combined. */
const stepsOfSlice = 8;
/** More than that summed one after the other loses precision. */
const longestSequence = 1024;

/** Chooses the division of work and the axis of vectors; by shapes alone, so that sums have one order. */
export function planLoop(loop: Loop, limits: ShaderLimits): LoopPlan {
  const axes = axesOf(loop);
  const levels = levelsOf(loop, axes);
  const { extents, outer } = axes;
  const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
  const results = product(extents.slice(0, outer));
  const reduced = product(extents.slice(outer));

  const alongResults = outer < extents.length && outer > 0 &&
    countContiguous(loop, axes, outer - 1) > countContiguous(loop, axes, extents.length - 1);
  const isMap = outer === extents.length;
  const isEach = isMap || reduced <= fewPoints ||
    (alongResults && results >= manyResults && reduced <= longestSequence);

  // Of a reduction by single invocations the results are better vectors: neighbours then read neighbouring memory.
  const preferred = isMap || (!alongResults && !isEach) ? extents.length - 1 : outer - 1;
  const other = isMap || !isEach ? preferred : extents.length - 1;
  const vectorAxis = [preferred, other].find((axis) => mayBeVector(loop, axes, axis));
  const perVector = (count: number, inner: boolean) =>
    vectorAxis !== undefined && (vectorAxis >= outer) === inner ? count / 4 : count;
  const outerCount = perVector(results, false);
  const innerCount = perVector(reduced, true);

  const varies = variesOf(loop, axes, levels, vectorAxis);
  const invocations = isEach
    ? mostInvocations(limits)
    : invocationsSharing(sharedBytes(loop, varies), limits);
  let division: Division = { kind: "each", invocations };
  if (!isEach && alongResults) {
    const columns = Math.min(16, powerAbove(outerCount));
    division = { kind: "tree", columns, slices: invocations / columns, neighbours: "columns" };
  } else if (!isEach) {
    const fewest = Math.max(manyResults / outerCount, innerCount / stepsOfSlice);
    const slices = Math.min(invocations, powerAbove(innerCount), powerBelow(fewest));
    const columns = Math.min(invocations / slices, powerAbove(outerCount));
    division = { kind: "tree", columns, slices, neighbours: "slices" };
  }
  return {
    loop,
    axes,
    levels,
    sweepOf: sweepsOf(loop),
    sweeps: 1 + (loop.sweeps?.length ?? 0),
    vectorAxis,
    varies,
    division,
    outerCount,
    innerCount,
  };
}

/** How an access moves along the axis of vectors. */
export type Reach = "fixed" | "vector" | "lanes";

/** One element for all four, one vector, or four elements apart. */
export function reachOf({ offset, strides }: Walk, axis: number | undefined): Reach {
  if (axis === undefined || strides[axis] === 0) return "fixed";
  const aligned = strides[axis] === 1 && offset % 4 === 0 &&
    strides.every((stride, i) => i === axis || stride % 4 === 0);
  return aligned ? "vector" : "lanes";
}

/** Whether four elements along an axis come as a vector in at least one access. */
function mayBeVector(
  { statements, stores }: Loop,
  { extents, walkOf }: Axes,
  axis: number,
): boolean {
  if (axis < 0 || extents[axis]! % 4 !== 0) return false;
  const accesses = [...statements.filter(({ kind }) => kind === "load"), ...stores];
  return accesses.some((access) => reachOf(walkOf(access), axis) === "vector");
}

/** Loads that move element by element along an axis. */
function countContiguous({ statements }: Loop, { walkOf }: Axes, axis: number): number {
  return statements.filter((statement) =>
    statement.kind === "load" && Math.abs(walkOf(statement).strides[axis]!) === 1
  ).length;
}

/** What a reduction combines along the axis of vectors has one value after it. */
function variesOf(
  { statements }: Loop,
  { outer, walkOf }: Axes,
  levels: readonly Level[],
  vectorAxis: number | undefined,
): boolean[] {
  const varies: boolean[] = [];
  statements.forEach((statement, i) => {
    if (vectorAxis === undefined || (levels[i] === "late" && vectorAxis >= outer)) {
      varies.push(false);
    } else if (statement.kind === "load" || statement.kind === "index") {
      varies.push(walkOf(statement).strides[vectorAxis] !== 0);
    } else {
      varies.push(argumentsOf(statement).some((arg) => varies[arg]));
    }
  });
  return varies;
}

function mostInvocations({ invocationsPerWorkgroup }: ShaderLimits): number {
  return Math.min(256, invocationsPerWorkgroup);
}

/** As many as have so many bytes each in a workgroup's memory. */
function invocationsSharing(bytes: number, limits: ShaderLimits): number {
  let count = mostInvocations(limits);
  while (count * bytes > limits.workgroupStorage) count /= 2;
  return count;
}

/** What an invocation needs there: an element of each type that is reduced. */
function sharedBytes({ statements }: Loop, varies: readonly boolean[]): number {
  const types = new Map<string, number>();
  statements.forEach(({ kind, dtype }, i) => {
    if (kind === "reduce") types.set(typeOf(dtype, varies[i] ? 4 : 1), varies[i] ? 16 : 4);
  });
  return [...types.values()].reduce((a, b) => a + b, 0);
}

function powerAbove(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(count, 1)));
}

function powerBelow(count: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(count, 1)));
}
