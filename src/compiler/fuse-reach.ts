/** Which nodes of a growing partition lead to which, so that merging two can be refused where it makes a circle. */
export interface Reachability {
  /** Whether another node lies on a path from a to b. */
  detours(a: number, b: number): boolean;
  /** Makes b part of a. */
  merge(a: number, b: number): void;
  /** The nodes that read what a node makes. */
  successors(a: number): ReadonlySet<number>;
}

/** `edges` lead from lower to higher numbers. */
export function createReachability(
  count: number,
  edges: Iterable<readonly [number, number]>,
): Reachability {
  const words = (count + 31) >> 5;
  const rows: (Uint32Array | undefined)[] = Array.from(
    { length: count },
    () => new Uint32Array(words),
  );
  const after = Array.from({ length: count }, () => new Set<number>());
  const before = Array.from({ length: count }, () => new Set<number>());
  const has = (row: Uint32Array, node: number): boolean =>
    (row[node >> 5]! >>> (node & 31) & 1) === 1;
  const add = (row: Uint32Array, node: number): void => void (row[node >> 5]! |= 1 << (node & 31));
  const remove = (row: Uint32Array, node: number): void =>
    void (row[node >> 5]! &= ~(1 << (node & 31)));
  const addAll = (row: Uint32Array, other: Uint32Array): void => {
    for (let i = 0; i < words; i++) row[i]! |= other[i]!;
  };

  for (const [from, to] of edges) {
    after[from]!.add(to);
    before[to]!.add(from);
  }
  for (let node = count - 1; node >= 0; node--) {
    for (const next of after[node]!) {
      add(rows[node]!, next);
      addAll(rows[node]!, rows[next]!);
    }
  }

  return {
    detours(a, b) {
      for (const next of after[a]!) if (next !== b && has(rows[next]!, b)) return true;
      return false;
    },
    merge(a, b) {
      const row = rows[a]!;
      const ledToB = has(row, b);
      addAll(row, rows[b]!);
      const [wordA, wordB] = [a >> 5, b >> 5];
      const [bitA, bitB] = [1 << (a & 31), 1 << (b & 31)];
      for (let other = 0; other < count; other++) {
        const there = rows[other];
        if (there === undefined) continue;
        const ledToA = (there[wordA]! & bitA) !== 0;
        // What led to a has led to all that a did. Nobody asks for b any more.
        if (ledToA ? ledToB : (there[wordB]! & bitB) === 0) continue;
        addAll(there, row);
        there[wordA]! |= bitA;
      }
      remove(row, a);
      rows[b] = undefined;
      for (const [there, back] of [[after, before], [before, after]] as const) {
        for (const node of there[b]!) {
          back[node]!.delete(b);
          if (node === a) continue;
          there[a]!.add(node);
          back[node]!.add(a);
        }
        there[a]!.delete(b);
      }
    },
    successors: (a) => after[a]!,
  };
}
