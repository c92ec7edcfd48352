import type { TensorSpec } from "../core/shape.ts";
import type { Graph, Instruction, Operand, Value } from "../graph/graph.ts";
import { createGraph } from "../graph/print.ts";
import { Tensor, type Traced } from "../tensor/tensor.ts";
import { bind } from "./bind.ts";
import { checkClosure } from "./call-custom.ts";
import { type CustomRegion, evaluateGraph } from "./evaluate-graph.ts";
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
  /** Parts of the graph that have derivatives of their own. */
  readonly customs: readonly CustomRegion[];
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
  const customs: CustomRegion[] = [];

  const trace: Trace = {
    level: freshLevel(),
    transformation,
    differentiates: false,
    active: true,
    process(name, params, operands) {
      const used = operands.map(lift);
      const spec = primitiveOf(name).infer(params, ...used.map((operand) => operand.spec));
      const output = { id: nextId++, spec };
      instructions.push({ op: name, params, operands: used, output } as Instruction);
      return traced(output);
    },
    // The function becomes a graph of its own, which tells what it closes over, and then instructions of this one.
    processCustom(call, operands) {
      const specs = operands.map(({ shape, dtype }) => ({ shape, dtype }));
      const { captured: closed, ...own } = stage(transformation, specs, call.apply);
      const start = instructions.length;
      const results = evaluateGraph(
        own.graph,
        [...operands, ...closed],
        own.constants,
        own.customs,
      );
      checkClosure(call, operands, results);
      const outputs = ownOutputs(results, start);
      customs.push({
        transformation,
        call,
        ...own,
        operands: operands.map(lift),
        captured: closed.map(lift),
        start,
        end: instructions.length,
        outputs: outputs.map((output) => (lift(output) as Value).id),
      });
      return outputs;
    },
  };

  /** Results made by instructions from `start` on, each by another: copies where they are not. */
  function ownOutputs(results: readonly Tensor[], start: number): Tensor[] {
    const made = new Set(instructions.slice(start).map(({ output }) => output));
    return results.map((result) => {
      const isOwn = made.delete(lift(result) as Value);
      return isOwn ? result : bind("stopGradient", {}, [result]);
    });
  }

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
  return { graph, constants, captured, customs };
}
