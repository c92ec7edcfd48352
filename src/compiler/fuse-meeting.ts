/** Where two nodes can share a loop. */
import {
  type Domain,
  meet,
  meetOuter,
  meetReduced,
  pointsOf,
  reducesInnermost,
} from "./fuse-domain.ts";
import { type Node, Reading } from "./fuse-nodes.ts";
import type { Target } from "./target.ts";

// Threads share the outer points of a loop: a large pass with fewer than that stays free of reductions, if it
// stores anything beside them.
const fewestOuterPoints = 16;
const largePass = 2 ** 16;

/** How two nodes become one loop. */
export interface Meeting {
  readonly domain: Domain;
  /** Whether what the second computes belongs to the outer points of the first. */
  readonly atOuter: boolean;
}

/** How two nodes share a loop, if every value that passes between them is read where it is made. */
export function meetingOf(
  first: Node,
  second: Node,
  isStored: (id: number) => boolean,
  readsAlone: ReadonlyMap<number, readonly number[]>,
): Meeting | undefined {
  const isReduced = (id: number): boolean => first.levels.get(id) === true;
  const atOuter = !second.hasReductions && first.hasReductions &&
    [...second.reads.keys()].some(isReduced);
  for (const [id, reading] of second.reads) {
    if (!first.members.has(id)) continue;
    const expected = isReduced(id) && !atOuter ? Reading.outerInPlace : Reading.inPlace;
    if (reading !== expected || isReduced(id) !== (atOuter || reading === Reading.outerInPlace)) {
      return undefined;
    }
  }
  if (atOuter) {
    // What needs no reduction would be stored at every point.
    const stored = [...second.levels.keys()].filter(isStored);
    if (!allDepend(second, stored, isReduced, readsAlone)) return undefined;
  }
  if (pointsOf(first.domain) === 0 || pointsOf(second.domain) === 0) return undefined;
  const domain = atOuter
    ? meetOuter(first.domain, second.domain)
    : !second.hasReductions
    ? meet(first.domain, second.domain)
    : first.hasReductions
    ? meetReduced(first.domain, second.domain)
    : meet(second.domain, first.domain);
  return domain && { domain, atOuter };
}

/** How two nodes share a loop over rows that one of them reduces, if it goes over them several times. */
export function sweepingOf(
  first: Node,
  second: Node,
  isStored: (id: number) => boolean,
  readsAlone: ReadonlyMap<number, readonly number[]>,
): Meeting | undefined {
  const isReduced = (id: number): boolean => first.levels.get(id) === true;
  const needsReduced = [...second.reads.keys()].some(isReduced);
  if (!needsReduced && !first.hasSweeps && !second.hasSweeps) return undefined;
  const [points, others] = [pointsOf(first.domain), pointsOf(second.domain)];
  if (points === 0 || others === 0) return undefined;
  if (!first.hasReductions) {
    const domain = meet(second.domain, first.domain);
    return domain && { domain, atOuter: false };
  }
  if (second.hasReductions || points === others) {
    const domain = second.hasReductions
      ? meetReduced(first.domain, second.domain)
      : meet(first.domain, second.domain);
    return domain && { domain, atOuter: false };
  }
  const stored = [...second.levels.keys()].filter(isStored);
  if (!allDepend(second, stored, isReduced, readsAlone)) return undefined;
  const domain = meetOuter(first.domain, second.domain);
  return domain && { domain, atOuter: true };
}

/** Whether all of some members of a node need a value of some kind. */
function allDepend(
  node: Node,
  ids: readonly number[],
  isSource: (id: number) => boolean,
  readsAlone: ReadonlyMap<number, readonly number[]>,
): boolean {
  const depending = new Set<number>();
  const depends = (id: number): boolean => {
    if (isSource(id) || depending.has(id)) return true;
    const found = node.members.has(id) && readsAlone.get(id)!.some(depends);
    if (found) depending.add(id);
    return found;
  };
  return ids.every(depends);
}

/** Two nodes as one. */
export function mergeNodes(first: Node, second: Node, { domain, atOuter }: Meeting): Node {
  const reads = new Map(first.reads);
  for (const [id, reading] of second.reads) {
    const moved = !atOuter ? reading : (reading & Reading.inPlace ? Reading.outerInPlace : 0) |
      (reading & ~Reading.inPlace ? Reading.outer : 0);
    reads.set(id, (reads.get(id) ?? 0) | moved);
  }
  for (const id of first.members) reads.delete(id);
  for (const id of second.members) reads.delete(id);
  const members = new Set(first.members);
  for (const id of second.members) members.add(id);
  const levels = new Map(first.levels);
  for (const [id, outer] of second.levels) levels.set(id, outer || atOuter);
  return {
    opaque: undefined,
    members,
    levels,
    domain,
    hasReductions: first.hasReductions || second.hasReductions,
    hasSweeps: first.hasSweeps || second.hasSweeps,
    reads,
    statements: first.statements + second.statements,
    even: first.even && second.even,
    lowered: undefined,
    last: Math.max(first.last, second.last),
    pattern: undefined,
  };
}

/**
 * Whether a loop may store what it computes at every point. Not beside a reduction along outer axes, which
 * walks across memory.
 */
export function canStoreInner(domain: Domain): boolean {
  if (!domain.some(({ reduced }) => reduced)) return true;
  const outerPoints = pointsOf(domain.filter(({ reduced }) => !reduced));
  const isShared = outerPoints >= fewestOuterPoints || pointsOf(domain) < largePass;
  return reducesInnermost(domain) && isShared;
}

/**
 * Whether a loop may sweep over its reduced axes several times: over rows in memory that threads can share, where the
 * target takes so many.
 */
export function canSweep(domain: Domain, { sweeps }: Target): boolean {
  const rows = pointsOf(domain.filter(({ reduced }) => !reduced));
  const points = pointsOf(domain.filter(({ reduced }) => reduced));
  return rows >= fewestOuterPoints && points > 1 && reducesInnermost(domain) &&
    sweeps !== undefined && sweeps(rows, points);
}
