import type { Node } from "./fuse-nodes.ts";

/**
 * The nodes in an order in which each comes after those that it reads, as near to the graph's order as can be:
 * so the memory that an optimizer writes over has been read by everybody else.
 */
export function inOrder(
  nodes: readonly (Node | undefined)[],
  successors: (at: number) => ReadonlySet<number>,
): Node[] {
  const waiting = nodes.map(() => 0);
  nodes.forEach((node, at) => {
    if (node) { for (const next of successors(at)) waiting[next]!++; }
  });
  const ready = nodes.flatMap((node, at) => node && waiting[at] === 0 ? [at] : []);
  const order: Node[] = [];
  while (ready.length > 0) {
    let best = 0;
    ready.forEach((at, i) => {
      if (nodes[at]!.last < nodes[ready[best]!]!.last) best = i;
    });
    const [at] = ready.splice(best, 1) as [number];
    order.push(nodes[at]!);
    for (const next of successors(at)) if (--waiting[next]! === 0) ready.push(next);
  }
  return order;
}
