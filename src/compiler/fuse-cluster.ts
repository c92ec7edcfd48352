import { pointsOf } from "./fuse-domain.ts";
import { lower, type LoweredLoop } from "./fuse-lower.ts";
import { canStoreInner, canSweep, meetingOf, mergeNodes, sweepingOf } from "./fuse-meeting.ts";
import { NeedsMemory } from "./fuse-needs-memory.ts";
import { inOrder } from "./fuse-node-order.ts";
import { type Node, Reading, readingsOf } from "./fuse-nodes.ts";
import { hasReducedNeighbours, isEven } from "./fuse-order.ts";
import { createReachability } from "./fuse-reach.ts";
import type { Roles } from "./fuse-roles.ts";
import { bytesOf, elementBytesOf } from "./target.ts";

// With how many passes over numbers others are tried to be merged.
const triedNumbers = 8;

// Keeps the code of one loop, and the time to make it, within bounds.
const statementLimit = 200;

/** Nodes merged into passes, and who reads what. */
export interface Clusters {
  readonly nodes: readonly Node[];
  /** Members of the node that must be stored, because they are returned or another node reads them. */
  storesOf(node: Node): number[];
}

/** Nodes to merge. */
export interface InitialNodes {
  readonly nodes: readonly Node[];
  /** For each value that a node computes, what it takes alone. */
  readonly readsAlone: ReadonlyMap<number, readonly number[]>;
}

/**
 * Merges nodes into passes, as long as the passes do not wait for each other in a circle:
 *
 * - what makes a value with what reads it at the same points, so that it need not be read back (and not even be
 *   stored, where nobody else reads it);
 * - what reads the same value at the same points;
 * - what reduces rows with what needs the results at every point of them, where the target takes several sweeps;
 * - work on single numbers.
 *
 * What reduces different arrays to numbers stays apart, as does what puts those together: equal passes over many arrays
 * can be run as one. No value that is worth computing once is computed twice.
 */
export function cluster(
  roles: Roles,
  initial: InitialNodes,
  outputs: ReadonlySet<number>,
): Clusters {
  const merging = startMerging(roles, initial, outputs);
  merging.mergeArrays();
  merging.mergeNumbers();
  return merging.clusters();
}

/** As `cluster`, but leaves out the last. Each node is in the place of one that is part of it. */
export function clusterArrays(
  roles: Roles,
  initial: InitialNodes,
  outputs: ReadonlySet<number>,
): readonly (Node | undefined)[] {
  const merging = startMerging(roles, initial, outputs);
  merging.mergeArrays();
  return merging.nodes;
}

interface Merging {
  readonly nodes: readonly (Node | undefined)[];
  mergeArrays(): void;
  mergeNumbers(): void;
  clusters(): Clusters;
}

function startMerging(
  roles: Roles,
  { nodes: initial, readsAlone }: InitialNodes,
  outputs: ReadonlySet<number>,
): Merging {
  const { buffersPerLoop = Infinity } = roles.target;
  const elementBytes = elementBytesOf(roles.target);
  const nodes: (Node | undefined)[] = [...initial];
  const homes = new Map<number, number>();
  const readers = new Map<number, Set<number>>();
  initial.forEach((node, at) => {
    for (const id of node.members) homes.set(id, at);
    for (const id of node.reads.keys()) {
      if (!readers.has(id)) readers.set(id, new Set());
      readers.get(id)!.add(at);
    }
  });
  const edges = [...readers].flatMap(([id, list]) => {
    const home = homes.get(id);
    return home === undefined ? [] : [...list].map((reader) => [home, reader] as const);
  });
  const reach = createReachability(nodes.length, edges);

  /** Whether a value is returned, or read by another node than these. */
  function isStored(id: number, a: number, b = a): boolean {
    if (outputs.has(id)) return true;
    for (const reader of readers.get(id) ?? []) if (reader !== a && reader !== b) return true;
    return false;
  }

  function replace(a: number, b: number, merged: Node): void {
    for (const id of nodes[b]!.members) homes.set(id, a);
    for (const id of nodes[a]!.reads.keys()) {
      if (!merged.reads.has(id)) readers.get(id)!.delete(a);
    }
    for (const id of nodes[b]!.reads.keys()) {
      const list = readers.get(id)!;
      list.delete(b);
      if (merged.reads.has(id)) list.add(a);
    }
    nodes[a] = merged;
    nodes[b] = undefined;
    reach.merge(a, b);
  }

  /** Whether a and b as one have few enough buffers, if none is written in place. */
  function fitsBuffers({ reads, levels }: Node, a: number, b: number): boolean {
    let count = reads.size;
    if (count + levels.size <= buffersPerLoop) return true;
    for (const id of levels.keys()) if (isStored(id, a, b)) count++;
    return count <= buffersPerLoop;
  }

  /** Whether all that a node reads is given, or made by node a. */
  function needsOnly(a: number, { reads }: Node): boolean {
    return [...reads.keys()].every((id) => (homes.get(id) ?? a) === a);
  }

  /** Merges b, which may read a, into a. */
  function tryMerge(a: number, b: number): boolean {
    const [first, second] = [nodes[a]!, nodes[b]!];
    if (first.opaque !== undefined || second.opaque !== undefined) return false;
    if (first.statements + second.statements > statementLimit) return false;
    if (givesNumbers(first) && (second.hasReductions || !needsOnly(a, second))) {
      if (!sharesPoints(first, second)) return false;
    }
    const areStored = (id: number): boolean => isStored(id, a, b);
    const inOneSweep = !first.hasSweeps && !second.hasSweeps;
    const meeting = inOneSweep ? meetingOf(first, second, areStored, readsAlone) : undefined;
    if (meeting === undefined) return trySweeps(a, b);
    if (reach.detours(a, b) || reach.detours(b, a)) return false;
    const storesInner = ({ levels }: Node): boolean => {
      for (const [id, outer] of levels) if (!outer && isStored(id, a, b)) return true;
      return false;
    };
    if (!canStoreInner(meeting.domain)) {
      if (storesInner(first) || (!meeting.atOuter && storesInner(second))) return false;
    }
    const merged = mergeNodes(first, second, meeting);
    if (!fitsBuffers(merged, a, b)) return false;
    if (merged.hasReductions && !merged.even && hasReducedNeighbours(merged.domain)) {
      if (lowerStored(merged, areStored) === undefined) return false;
    }
    replace(a, b, merged);
    return true;
  }

  /** Merges b, which may read a, into a, where one needs what the other has reduced at every point. */
  function trySweeps(a: number, b: number): boolean {
    const [first, second] = [nodes[a]!, nodes[b]!];
    if (roles.target.sweeps === undefined) return false;
    const areStored = (id: number): boolean => isStored(id, a, b);
    const meeting = sweepingOf(first, second, areStored, readsAlone);
    if (meeting === undefined || !canSweep(meeting.domain, roles.target)) return false;
    if (reach.detours(a, b) || reach.detours(b, a)) return false;
    const merged = mergeNodes(first, second, meeting);
    const lowered = lowerStored(merged, areStored);
    if (lowered === undefined || lowered.statements.length > statementLimit) return false;
    const node: Node = { ...merged, ...looksOf(lowered), hasSweeps: lowered.sweeps.length > 0 };
    if (!fitsBuffers(node, a, b)) return false;
    replace(a, b, node);
    return true;
  }

  /** The loop that stores what must be stored of a body; undefined where a value is needed in memory before. */
  function lowerStored(
    node: Node,
    isStored: (id: number) => boolean,
  ): LoweredLoop | undefined {
    try {
      return lower(roles, node, storedOf(node, isStored), node.domain);
    } catch (signal) {
      if (signal instanceof NeedsMemory) return undefined;
      throw signal;
    }
  }

  /** Makes a, which only b reads and in an order of its own, part of b: nothing of it is stored. */
  function tryAbsorb(a: number, b: number, value: number): boolean {
    const [first, second] = [nodes[a]!, nodes[b]!];
    const fits = first.opaque === undefined && second.opaque === undefined &&
      !first.hasReductions &&
      second.reads.get(value) === Reading.once && first.levels.has(value) &&
      [...first.levels.keys()].every((id) => isStored(id, a) === (id === value)) &&
      !isStored(value, a, b) && first.statements + second.statements <= statementLimit;
    if (!fits || reach.detours(a, b)) return false;
    const merged = { ...second, members: new Set([...first.members, ...second.members]) };
    const lowered = lowerStored(merged, (id) => isStored(id, a, b));
    if (lowered === undefined) return false;
    const node: Node = { ...merged, ...looksOf(lowered), pattern: undefined };
    if (!fitsBuffers(node, a, b)) return false;
    replace(a, b, node);
    return true;
  }

  // What saves most memory traffic comes first.
  const values = [...readers].map(([id, list]) => ({
    id,
    list,
    bytes: bytesOf(roles.specs[id]!, elementBytes),
  })).sort((a, b) => b.bytes - a.bytes || a.id - b.id);
  let made = values.filter(({ id }) => homes.has(id));
  const inOrderOf = (list: ReadonlySet<number>): number[] => [...list].sort((a, b) => a - b);

  function mergeWithReaders(onlyWithoutStore: boolean): boolean {
    let changed = false;
    // What nobody reads from memory any more never will be read again.
    made = made.filter(({ list }) => list.size > 0);
    for (const { id, list } of made) {
      if (onlyWithoutStore && (list.size > 1 || outputs.has(id))) continue;
      for (const reader of list.size === 1 ? list : inOrderOf(list)) {
        if (list.has(reader) && tryMerge(homes.get(id)!, reader)) changed = true;
      }
    }
    return changed;
  }

  function absorbIntoReaders(): boolean {
    let changed = false;
    for (const { id, list } of made) {
      if (list.size !== 1) continue;
      const [reader] = list;
      if (tryAbsorb(homes.get(id)!, reader!, id)) changed = true;
    }
    return changed;
  }

  function mergeNeighbours(): boolean {
    let changed = false;
    for (const { id, list } of values) {
      if (list.size < 2) continue;
      const inPlace = inOrderOf(list).filter((at) => nodes[at]!.reads.get(id)! & Reading.inPlace);
      for (let i = 0; i < inPlace.length; i++) {
        for (let j = i + 1; j < inPlace.length; j++) {
          const [a, b] = [inPlace[i]!, inPlace[j]!];
          if (nodes[a] && nodes[b] && tryMergeEitherWay(a, b)) changed = true;
        }
      }
    }
    return changed;
  }

  function mergeNumbers(): void {
    /** Not all of them, because they may be as many as there are parameters. */
    const latest: number[] = [];
    for (const [at, node] of nodes.entries()) {
      if (node === undefined || !isNumber(node)) continue;
      const found = latest.findIndex((other) => tryMergeEitherWay(other, at));
      if (found < 0) latest.unshift(at);
      else if (nodes[latest[found]!] === undefined) latest[found] = at;
      latest.length = Math.min(latest.length, triedNumbers);
    }
  }

  function tryMergeEitherWay(a: number, b: number): boolean {
    return reach.successors(b).has(a) ? tryMerge(b, a) : tryMerge(a, b);
  }

  function mergeArrays(): void {
    do {
      // A value that need not be stored saves more than one that need not be read back.
      while (mergeWithReaders(true) || mergeWithReaders(false));
    } while (absorbIntoReaders() || mergeNeighbours());
  }

  return {
    nodes,
    mergeArrays,
    mergeNumbers,
    clusters: () => ({
      nodes: inOrder(nodes, (at) => reach.successors(at)),
      storesOf: (node) => {
        const at = homes.get(node.members.values().next().value!)!;
        return storedOf(node, (id) => isStored(id, at));
      },
    }),
  };
}

/** Whether a node is work on single numbers. */
function isNumber({ opaque, hasReductions, domain }: Node): boolean {
  return opaque === undefined && !hasReductions && pointsOf(domain) === 1;
}

/** Whether a node reduces all of its points to numbers. */
function givesNumbers({ hasReductions, domain }: Node): boolean {
  return hasReductions && domain.every(({ reduced }) => reduced);
}

/** Whether two nodes read or pass something on at the same points, rather than only what was reduced. */
function sharesPoints(first: Node, second: Node): boolean {
  const atPoints = Reading.inPlace | Reading.once | Reading.repeatedly;
  for (const [id, reading] of second.reads) {
    if ((reading & atPoints) === 0) continue;
    if ((first.reads.get(id) ?? 0) & atPoints || first.levels.get(id) === false) return true;
  }
  return false;
}

/** The members that are stored, in the order of the graph. */
function storedOf(node: Node, isStored: (id: number) => boolean): number[] {
  return [...node.levels.keys()].filter(isStored).sort((a, b) => a - b);
}

/** What lowering a loop tells of it. */
function looksOf(
  lowered: LoweredLoop,
): Pick<Node, "domain" | "reads" | "statements" | "even" | "lowered"> {
  const { domain, reads, statements } = lowered;
  const even = isEven(lowered);
  return { domain, reads: readingsOf(reads), statements: statements.length, even, lowered };
}
