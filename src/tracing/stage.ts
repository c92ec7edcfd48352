import type { TensorSpec } from "../core/shape.ts";
import type { Graph, Instruction, Operand, Value } from "../graph/graph.ts";
import { createGraph } from "../graph/print.ts";
import { Tensor, type Traced } from "../tensor/tensor.ts";
import { primitiveOf } from "./primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "./trace.ts";

/** A function turned into a graph. */
export interface Staged {
  readonly graph: Graph;
  /** The concrete tensors that the function closed over: the graph's constants. */
  readonly constants: readonly Tensor[];
  /**
   * Tensors of outer transformations that the function closed over: they have become further inputs of the
   * graph, after those that were asked for.
   */
  readonly captured: readonly Tensor[];
}

interface StagedContent extends Traced {
  readonly operand: Operand;
}

/**
 * Calls a function on traced tensors of the given specs and records every primitive that it applies. Numbers
 * become literals, concrete tensors that it closes over become constants.
 */
export function stage(
  transformation: string,
  specs: readonly TensorSpec[],
  f: (inputs: Tensor[]) => readonly Tensor[],
): Staged {
  let nextId = 0;
  const instructions: Instruction[] = [];
  const constantValues: Value[] = [];
  const constants: Tensor[] = [];
  const capturedValues: Value[] = [];
  const captured: Tensor[] = [];
  const lifted = new Map<Tensor, Operand>();

  const trace: Trace = {
    level: freshLevel(),
    transformation,
    active: true,
    process(name, params, operands) {
      const used = operands.map(lift);
      const spec = primitiveOf(name).infer(params, ...used.map((operand) => operand.spec));
      const output = { id: nextId++, spec };
      instructions.push({ op: name, params, operands: used, output } as Instruction);
      return traced(output);
    },
  };

  function traced(operand: Value): Tensor {
    const content: StagedContent = {
      kind: "traced",
      trace,
      underlying: undefined,
      hasValue: false,
      operand,
    };
    return new Tensor(operand.spec, content);
  }

  function lift(tensor: Tensor): Operand {
    const { content } = tensor;
    if (content.kind === "traced" && content.trace === trace) {
      return (content as StagedContent).operand;
    }
    let operand = lifted.get(tensor);
    if (operand !== undefined) return operand;
    checkNotLeaked(transformation, tensor);
    const spec: TensorSpec = { shape: tensor.shape, dtype: tensor.dtype };
    if (content.kind === "traced") {
      operand = { id: nextId++, spec };
      capturedValues.push(operand);
      captured.push(tensor);
    } else if (content.literal !== undefined) {
      operand = { literal: content.literal, spec };
    } else {
      operand = { id: nextId++, spec };
      constantValues.push(operand);
      constants.push(tensor);
    }
    lifted.set(tensor, operand);
    return operand;
  }

  const inputs = specs.map((spec): Value => ({ id: nextId++, spec }));
  const outputs = withTrace(trace, true, () => f(inputs.map(traced)).map(lift));
  const graph = createGraph({
    inputs: [...inputs, ...capturedValues],
    constants: constantValues,
    instructions,
    outputs,
  });
  return { graph, constants, captured };
}
