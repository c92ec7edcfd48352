import { type Graph, isLiteral, type Operand } from "../graph/graph.ts";
import { literalStorage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { bind } from "./bind.ts";
import { callCustom, closureError } from "./call-custom.ts";
import type { CustomCall } from "./custom-call.ts";
import { placedOn, placeOfAll } from "./placement.ts";

/** Instructions of a graph that are a function with a derivative of its own. */
export interface CustomRegion {
  readonly transformation: string;
  readonly call: CustomCall;
  /** What the function became; its inputs are the operands, then what it closed over. */
  readonly graph: Graph;
  readonly constants: readonly Tensor[];
  readonly customs: readonly CustomRegion[];
  readonly operands: readonly Operand[];
  readonly captured: readonly Operand[];
  /** Its instructions in the graph around it. */
  readonly start: number;
  readonly end: number;
  /** The values in the graph around it that it makes. */
  readonly outputs: readonly number[];
}

/**
 * Applies a graph's primitives to tensors one by one, so that outer transformations see each of them; what has a
 * derivative of its own they see as one.
 */
export function evaluateGraph(
  graph: Graph,
  inputs: readonly Tensor[],
  constants: readonly Tensor[],
  customs: readonly CustomRegion[] = [],
): Tensor[] {
  // What the graph makes out of nothing belongs to where its inputs are.
  const place = placeOfAll([...inputs, ...constants]);
  const values = new Map<number, Tensor>();
  graph.inputs.forEach(({ id }, i) => values.set(id, inputs[i]!));
  graph.constants.forEach(({ id }, i) => values.set(id, placedOn(constants[i]!, place)));
  const read = (operand: Operand): Tensor =>
    isLiteral(operand)
      ? new Tensor(operand.spec, literalStorage(place, operand.literal))
      : values.get(operand.id)!;
  const starts = outermost(customs);
  for (let at = 0; at < graph.instructions.length; at++) {
    const custom = starts.get(at);
    if (custom !== undefined) {
      const results = callCustom(
        regionCall(custom, custom.captured.map(read)),
        custom.operands.map(read),
      );
      custom.outputs.forEach((id, i) => values.set(id, results[i]!));
      at = custom.end - 1;
      continue;
    }
    const { op, params, operands, output } = graph.instructions[at]!;
    values.set(
      output.id,
      bind(op, params, operands.map(read), operands.length === 0 ? place : undefined),
    );
  }
  return graph.outputs.map(read);
}

/** The regions that lie in no other one, by their first instruction. */
function outermost(customs: readonly CustomRegion[]): Map<number, CustomRegion> {
  const starts = new Map<number, CustomRegion>();
  let before = Infinity;
  // Regions are listed as they end: from the last one on, each comes before those that lie in it.
  for (const custom of customs.toReversed()) {
    if (custom.end > before) continue;
    before = custom.start;
    starts.set(custom.start, custom);
  }
  return starts;
}

function regionCall(
  { call, transformation, graph, constants, customs }: CustomRegion,
  captured: readonly Tensor[],
): CustomCall {
  return {
    ...call,
    apply: (operands) => evaluateGraph(graph, [...operands, ...captured], constants, customs),
    forward(operands) {
      // It would have to be traced again, but what it closed over is gone.
      if (captured.length > 0) throw closureError(call, transformation);
      return call.forward(operands);
    },
  };
}
