import { formatSpec } from "../core/shape.ts";
import { type Graph, isLiteral, type Operand } from "./graph.ts";
import { printGraph } from "./print.ts";

/**
 * The structural key of a graph: equal for graphs that compute the same way, whatever their values are
 * named. Constants count by their spec only; whoever caches by this key passes them as inputs.
 */
export function graphKey(graph: Graph): string {
  // The printed text leaves out the dtype of literals, which an equal text could differ in.
  let text = `${printGraph(graph)}\n`;
  const add = (operand: Operand): void => {
    if (isLiteral(operand)) text += `${formatSpec(operand.spec)} `;
  };
  for (const { operands } of graph.instructions) operands.forEach(add);
  graph.outputs.forEach(add);
  return text;
}
