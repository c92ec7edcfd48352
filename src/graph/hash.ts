import { formatSpec } from "../core/shape.ts";
import { type Graph, isLiteral } from "./graph.ts";
import { printGraph } from "./print.ts";

/**
 * The structural key of a graph: equal for graphs that compute the same way, whatever their values are
 * named. Constants count by their spec only; whoever caches by this key passes them as inputs.
 */
export function graphKey(graph: Graph): string {
  // The printed text leaves out the dtype of literals, which an equal text could differ in.
  const literals = graph.instructions.flatMap((instruction) =>
    instruction.operands.filter(isLiteral).map((literal) => formatSpec(literal.spec))
  );
  const results = graph.outputs.filter(isLiteral).map((literal) => formatSpec(literal.spec));
  return `${printGraph(graph)}\n${literals.concat(results).join(" ")}`;
}
