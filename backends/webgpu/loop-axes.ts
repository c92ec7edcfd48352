import { argumentsOf, type Loop, type Statement, sweepsOf } from "../../src/backend/loop.ts";

/** How something moves with the axes of a loop nest: an address in elements, or the value of an index. */
export interface Walk {
  readonly offset: number;
  /** One an axis, outermost first. */
  readonly strides: readonly number[];
}

/** A loop nest with as few axes as possible. */
export interface Axes {
  readonly extents: readonly number[];
  /** How many of them come before the reduced ones; all, where nothing is reduced. */
  readonly outer: number;
  /** How a load, an index or a store moves. */
  readonly walkOf: (owner: Statement | Loop["stores"][number]) => Walk;
}

/** Leaves out axes of extent 1, and merges neighbours along which everything moves in one stride. */
export function axesOf({ extents, reduced, statements, stores }: Loop): Axes {
  const walks = new Map<Statement | Loop["stores"][number], Walk>();
  for (const statement of statements) {
    if (statement.kind === "load") walks.set(statement, statement.access);
    if (statement.kind !== "index") continue;
    const strides = extents.map((_, axis) => axis === statement.axis ? statement.stride : 0);
    walks.set(statement, { offset: statement.offset, strides });
  }
  for (const store of stores) walks.set(store, store.access);

  const reduces = statements.some(({ kind }) => kind === "reduce");
  const bound = reduces ? extents.length - reduced : extents.length;
  const owners = [...walks.keys()];
  const merged: { extent: number; inner: boolean; strides: number[] }[] = [];
  extents.forEach((extent, axis) => {
    if (extent === 1) return;
    const strides = owners.map((owner) => walks.get(owner)!.strides[axis] ?? 0);
    const last = merged.at(-1);
    const inner = axis >= bound;
    const follows = last !== undefined && last.inner === inner &&
      last.strides.every((stride, i) => stride === strides[i]! * extent);
    if (follows) merged[merged.length - 1] = { extent: last.extent * extent, inner, strides };
    else merged.push({ extent, inner, strides });
  });
  owners.forEach((owner, i) => {
    const { offset } = walks.get(owner)!;
    walks.set(owner, { offset, strides: merged.map(({ strides }) => strides[i]!) });
  });
  return {
    extents: merged.map(({ extent }) => extent),
    outer: merged.filter(({ inner }) => !inner).length,
    walkOf: (owner) => walks.get(owner)!,
  };
}

/** When a statement is computed in its sweep: once for an outer point, at every point, or after the reduction. */
export type Level = "outer" | "inner" | "late";

/** The level of each statement. What earlier sweeps have reduced is there before a sweep begins. */
export function levelsOf(loop: Loop, { outer, walkOf }: Axes): Level[] {
  const levels: Level[] = [];
  const sweeps = sweepsOf(loop);
  loop.statements.forEach((statement, index) => {
    const own = statement.kind === "load" || statement.kind === "index"
      ? walkOf(statement).strides.slice(outer)
      : [];
    const args = argumentsOf(statement).filter((arg) => sweeps[arg] === sweeps[index])
      .map((arg) => levels[arg]!);
    if (statement.kind === "reduce" || args.includes("late")) levels.push("late");
    else if (own.some((stride) => stride !== 0) || args.includes("inner")) levels.push("inner");
    else levels.push("outer");
  });
  return levels;
}
