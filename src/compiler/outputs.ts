import { type Graph, type Instruction, isLiteral, type Value } from "../graph/graph.ts";
import { createGraph } from "../graph/print.ts";
import { nextIdOf } from "./next-id.ts";

/** A graph whose outputs are values with memory of their own. */
export interface OwningGraph extends Graph {
  readonly outputs: readonly Value[];
}

/**
 * Gives every output memory of its own: an output that is a number, an input, a constant, a view or a value
 * that is returned twice is copied by an instruction at the end.
 */
export function withOwnOutputs(graph: Graph): OwningGraph {
  const list = [...graph.instructions];
  let nextId = nextIdOf(graph);
  const borrowed = new Set<number>();
  const views = new Map<number, number>();
  for (const { id } of [...graph.inputs, ...graph.constants]) borrowed.add(id);
  for (const { op, operands: [source], output } of list) {
    if (op === "reshape" && !isLiteral(source!)) {
      const root = views.get(source!.id) ?? source!.id;
      views.set(output.id, root);
    }
  }
  const taken = new Set<number>();
  const outputs = graph.outputs.map((operand): Value => {
    const { spec } = operand;
    if (!isLiteral(operand)) {
      const root = views.get(operand.id) ?? operand.id;
      if (!borrowed.has(root) && !taken.has(root)) {
        taken.add(root);
        return operand;
      }
    }
    const output = { id: nextId++, spec };
    const copy: Instruction = isLiteral(operand)
      ? { op: "full", params: { ...spec, value: operand.literal }, operands: [], output }
      : { op: "stopGradient", params: {}, operands: [operand], output };
    list.push(copy);
    return output;
  });
  return { ...createGraph({ ...graph, instructions: list, outputs }), outputs };
}
