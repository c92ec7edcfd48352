/** Which nodes of a growing partition lead to which, so that merging two can be refused where it makes a circle. */
export interface Reachability {
  /** Whether another node lies on a path from a to b. */
  detours(a: number, b: number): boolean;
  /** Makes b part of a. */
  merge(a: number, b: number): void;
  /** The nodes that read what a node makes. */
  successors(a: number): ReadonlySet<number>;
}

/** One end of a search: the nodes seen from it that were not looked at yet, and the edges looked at. */
interface End {
  readonly edges: readonly ReadonlySet<number>[];
  readonly open: number[];
  /** What marks a node as seen from here. */
  mark: number;
  cost: number;
}

/** Among so many nodes as there are numbers below `count`. */
export function createReachability(
  count: number,
  edges: Iterable<readonly [number, number]>,
): Reachability {
  const after = Array.from({ length: count }, () => new Set<number>());
  const before = Array.from({ length: count }, () => new Set<number>());
  for (const [from, to] of edges) {
    after[from]!.add(to);
    before[to]!.add(from);
  }

  const marks = new Int32Array(count);
  const forth: End = { edges: after, open: [], mark: -1, cost: 0 };
  const back: End = { edges: before, open: [], mark: 0, cost: 0 };

  function see(end: End, node: number): void {
    marks[node] = end.mark;
    end.open.push(node);
  }

  function start(end: End, node: number): void {
    end.mark += 2;
    end.cost = 0;
    end.open.length = 0;
    see(end, node);
  }

  const nextCost = ({ cost, open, edges }: End): number => cost + edges[open.at(-1)!]!.size;

  return {
    detours(a, b) {
      const direct = Number(after[a]!.has(b));
      if (after[a]!.size === direct || before[b]!.size === direct || before[a]!.has(b)) {
        return false;
      }
      start(forth, a);
      start(back, b);
      while (forth.open.length > 0 && back.open.length > 0) {
        // From both ends, where less is to be done: a number that all parts of a graph need leads everywhere.
        const [end, other] = nextCost(forth) <= nextCost(back) ? [forth, back] : [back, forth];
        const node = end.open.pop()!;
        end.cost += end.edges[node]!.size;
        for (const next of end.edges[node]!) {
          if (marks[next] === end.mark) continue;
          if (marks[next] !== other.mark) see(end, next);
          else if (!((node === a && next === b) || (node === b && next === a))) return true;
        }
      }
      return false;
    },
    merge(a, b) {
      for (const [there, back] of [[after, before], [before, after]] as const) {
        for (const node of there[b]!) {
          back[node]!.delete(b);
          if (node === a) continue;
          there[a]!.add(node);
          back[node]!.add(a);
        }
        there[b]!.clear();
        there[a]!.delete(b);
      }
    },
    successors: (a) => after[a]!,
  };
}
