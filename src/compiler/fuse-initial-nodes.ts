import { clusterArrays, type InitialNodes } from "./fuse-cluster.ts";
import { createNodes, type Node, Reading } from "./fuse-nodes.ts";
import { type AlikePieces, findAlikePieces, type Piece } from "./fuse-pieces.ts";
import type { Roles } from "./fuse-roles.ts";

/** A node, and the position in the graph of the value that it began with. */
interface Placed {
  readonly at: number;
  readonly node: Node;
}

/**
 * The nodes of a graph. Of pieces that are alike, as many as tensors in an optimizer, only the first is looked at: its
 * nodes are merged as far as that takes nothing from elsewhere, and the others get the same nodes.
 */
export function createInitialNodes(roles: Roles, outputs: ReadonlySet<number>): InitialNodes {
  const alike = findAlikePieces(roles, outputs);
  const omitted = new Set<number>();
  /** The positions in first pieces, and which ones those are. */
  const kinds = new Map<number, number>();
  alike.forEach(({ pieces: [first, ...others] }, kind) => {
    for (const at of first!.instructions) kinds.set(at, kind);
    for (const { instructions } of others) for (const at of instructions) omitted.add(at);
  });

  const placed: Placed[] = [];
  const ofPieces = alike.map((): Node[] => []);
  const readsAlone = new Map<number, readonly number[]>();
  for (const node of createNodes(roles, omitted, (ids) => pinAlike(roles, alike, ids))) {
    for (const id of node.members) readsAlone.set(id, [...node.reads.keys()]);
    const kind = kinds.get(node.last);
    if (kind === undefined) placed.push({ at: node.last, node });
    else ofPieces[kind]!.push(node);
  }
  alike.forEach((each, kind) => {
    const nodes = ofPieces[kind]!;
    const merged = mergeWithin(roles, { nodes, readsAlone }, outputs, each);
    const namesIn = createNames(each.pieces[0]!);
    for (const piece of each.pieces) {
      const names = namesIn(piece);
      for (const { members } of nodes) {
        for (const id of members) readsAlone.set(names.of(id), readsAlone.get(id)!.map(names.of));
      }
      for (const { at, node } of merged) {
        placed.push({ at: names.at(at), node: copyOf(node, piece, names) });
      }
    }
  });
  placed.sort((a, b) => a.at - b.at);
  return { nodes: placed.map(({ node }) => node), readsAlone };
}

/** What is pinned in one of the pieces that are alike is pinned in all of them. */
function pinAlike({ pinned }: Roles, alike: readonly AlikePieces[], ids: readonly number[]): void {
  for (const { pieces } of alike) {
    for (const { values } of pieces) {
      for (const id of ids) {
        const place = values.indexOf(id);
        if (place >= 0) { for (const other of pieces) pinned.add(other.values[place]!); }
      }
    }
  }
}

/** Merges the nodes of a piece, as if what comes back to it needed all that it exports. */
function mergeWithin(
  roles: Roles,
  { nodes, readsAlone }: InitialNodes,
  outputs: ReadonlySet<number>,
  { exported, comesBack }: AlikePieces,
): Placed[] {
  const own = new Set(nodes.flatMap(({ members }) => [...members]));
  const before = new Set<number>();
  const behind = new Set<number>();
  for (const { reads } of nodes) {
    for (const id of reads.keys()) {
      if (own.has(id) || roles.roles[id] === "given") continue;
      (comesBack(id) ? behind : before).add(id);
    }
  }
  const merged = clusterArrays(
    roles,
    { nodes: [...nodes, elsewhere(before, []), elsewhere(behind, exported)], readsAlone },
    new Set([...outputs, ...exported]),
  );
  return nodes.flatMap(({ last }, i) => {
    const node = merged[i];
    return node === undefined ? [] : [{ at: last, node }];
  });
}

/** A node that stands for others: it gives some values, and needs some. */
function elsewhere(given: ReadonlySet<number>, needed: readonly number[]): Node {
  return {
    opaque: {
      op: "stopGradient",
      params: {},
      operands: [],
      output: { id: -1, spec: { shape: [], dtype: "float32" } },
    },
    members: given,
    levels: new Map(),
    domain: [],
    hasReductions: false,
    hasSweeps: false,
    reads: new Map(needed.map((id) => [id, Reading.repeatedly])),
    statements: 0,
    even: true,
    lowered: undefined,
    last: -1,
    pattern: undefined,
  };
}

/** What values and positions of a piece are called in another one that is alike. */
interface Names {
  of(id: number): number;
  at(position: number): number;
}

function createNames({ values, instructions }: Piece): (other: Piece) => Names {
  const places = new Map(values.map((id, place) => [id, place]));
  const order = new Map(instructions.map((at, place) => [at, place]));
  return (other) => ({
    of(id) {
      const place = places.get(id);
      return place === undefined ? id : other.values[place]!;
    },
    at: (position) => other.instructions[order.get(position)!]!,
  });
}

function copyOf(first: Node, { values }: Piece, names: Names): Node {
  return {
    ...first,
    members: new Set([...first.members].map(names.of)),
    levels: new Map([...first.levels].map(([id, isOuter]) => [names.of(id), isOuter])),
    reads: new Map([...first.reads].map(([id, reading]) => [names.of(id), reading])),
    // Written down once for all of them, when it is known what each has to store.
    lowered: undefined,
    last: names.at(first.last),
    pattern: { first, values },
  };
}
