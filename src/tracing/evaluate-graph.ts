import { type Graph, isLiteral, type Operand } from "../graph/graph.ts";
import { literalStorage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { bind } from "./bind.ts";
import { defaultDevice } from "./execute.ts";

/** Applies a graph's primitives to tensors one by one, so that outer transformations see each of them. */
export function evaluateGraph(
  graph: Graph,
  inputs: readonly Tensor[],
  constants: readonly Tensor[],
): Tensor[] {
  const values = new Map<number, Tensor>();
  graph.inputs.forEach(({ id }, i) => values.set(id, inputs[i]!));
  graph.constants.forEach(({ id }, i) => values.set(id, constants[i]!));
  const read = (operand: Operand): Tensor =>
    isLiteral(operand)
      ? new Tensor(operand.spec, literalStorage(defaultDevice, operand.literal))
      : values.get(operand.id)!;
  for (const { op, params, operands, output } of graph.instructions) {
    values.set(output.id, bind(op, params, operands.map(read)));
  }
  return graph.outputs.map(read);
}
