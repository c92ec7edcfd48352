import { isReduction, type Roles, valuesOf } from "./fuse-roles.ts";

/** What a loop computes. */
export interface LoopBody {
  /** All values that it computes, but for inlined ones. */
  readonly members: ReadonlySet<number>;
  /** Those of them that can be stored: whether they belong to the outer points only. */
  readonly levels: ReadonlyMap<number, boolean>;
}

/** Whether a loop computes a value where it needs it, rather than reading it from memory. */
export function isComputed({ roles, pinned }: Roles, { members }: LoopBody, id: number): boolean {
  return members.has(id) || (roles[id] === "inlined" && !pinned.has(id));
}

/** In which sweeps over the reduced axes a loop computes its values. */
export interface Sweeps {
  /**
   * The first sweep in which a value can be computed: at every point, or once for an outer point after the reductions
   * of that sweep (-1 if it needs none).
   */
  firstOf(id: number, outer: boolean): number;
  /** The values for outer points that were asked for so far, or that such values need. */
  readonly outerValues: ReadonlySet<number>;
}

/** At every point, what was reduced is known one sweep later. */
export function createSweeps(roles: Roles, body: LoopBody): Sweeps {
  const known = [new Map<number, number>(), new Map<number, number>()] as const;
  const outerValues = new Set<number>();
  const hasOuter = [...body.levels.values()].includes(true);

  function firstOf(id: number, outer: boolean): number {
    if (!hasOuter) return 0;
    const memo = known[Number(outer)]!;
    let first = memo.get(id);
    if (first === undefined) memo.set(id, first = find(id, outer));
    return first;
  }

  function find(id: number, outer: boolean): number {
    const start = outer ? -1 : 0;
    if (!isComputed(roles, body, id) || !isComputed(roles, body, roles.memoryOf(id))) return start;
    if (body.levels.get(id)) {
      outerValues.add(id);
      if (!outer) return firstOf(id, true) + 1;
    }
    const producer = roles.producers[id]!;
    const reduces = isReduction(producer);
    let first = reduces ? 0 : start;
    for (const operand of valuesOf(producer)) {
      first = Math.max(first, firstOf(operand.id, outer && !reduces));
    }
    return first;
  }

  return { firstOf, outerValues };
}
