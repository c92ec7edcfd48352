import type { Graph } from "../graph/graph.ts";

/** An id that no value of a graph has, nor any higher one. */
export function nextIdOf({ inputs, constants, instructions }: Omit<Graph, "outputs">): number {
  let next = 0;
  for (const { id } of inputs) next = Math.max(next, id + 1);
  for (const { id } of constants) next = Math.max(next, id + 1);
  for (const { output } of instructions) next = Math.max(next, output.id + 1);
  return next;
}
