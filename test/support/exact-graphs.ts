import type fc from "fast-check";
import type { Graph, Instruction, Operand, Value } from "../../src/graph/graph.ts";
import { createGraph } from "../../src/graph/print.ts";
import type { TensorSpec } from "../../src/core/shape.ts";
import type { DType } from "../../src/core/dtype.ts";
import { type GraphCase, graphCases, rowShapes } from "./random-graphs.ts";
import { elements } from "./run-kernel.ts";

const exact: Readonly<Partial<Record<Instruction["op"], Instruction["op"]>>> = {
  exp: "neg",
  tanh: "abs",
  logistic: "abs",
  rcbrt: "ceil",
  sqrt: "sign",
  cbrt: "floor",
  div: "sub",
  pow: "max",
};

const single = (dtype: DType): DType => dtype === "float64" ? "float32" : dtype;
const singleSpec = ({ shape, dtype }: TensorSpec): TensorSpec => ({ shape, dtype: single(dtype) });

/** The same graph on float32, where every operation is exact for small whole numbers, products by signs included. */
function exactGraph(graph: Graph): Graph {
  let nextId = Math.max(...[...graph.inputs, ...graph.instructions.map(({ output }) => output)]
    .map(({ id }) => id)) + 1;
  const value = ({ id, spec }: Value): Value => ({ id, spec: singleSpec(spec) });
  const operand = (each: Operand): Operand =>
    "literal" in each ? { literal: each.literal, spec: singleSpec(each.spec) } : value(each);
  const instructions = graph.instructions.flatMap((instruction): Instruction[] => {
    const { params } = instruction;
    const changed = {
      ...instruction,
      op: exact[instruction.op] ?? instruction.op,
      params: "dtype" in params ? { ...params, dtype: single(params.dtype as DType) } : params,
      operands: instruction.operands.map(operand),
      output: value(instruction.output),
    } as Instruction;
    const [first, ...rest] = changed.operands;
    if (changed.op !== "mul" && changed.op !== "dot" || first === undefined) return [changed];
    if (first.spec.dtype !== "float32") return [changed];
    const sign = { id: nextId++, spec: first.spec };
    return [
      { op: "sign", params: {}, operands: [first], output: sign },
      { ...changed, operands: [sign, ...rest] },
    ];
  });
  return createGraph({
    inputs: graph.inputs.map(value),
    constants: [],
    instructions,
    outputs: graph.outputs.map(operand),
  });
}

/** Inputs as small whole numbers; what is no number stays. */
function exactValue(dtype: DType, x: number): number {
  if (!Number.isFinite(x) || dtype === "int32" || dtype === "uint32" || dtype === "bool") return x;
  return Object.is(x, -0) ? x : Math.trunc(x % 8) || 0;
}

/** Random graphs whose results do not depend on the order of sums, and which hold no float64. */
export const exactGraphCases: fc.Arbitrary<GraphCase> = graphCases(24).map(exactCase);

/** The same, over so many rows that loops may sweep over each of them several times. */
export const exactRowGraphCases: fc.Arbitrary<GraphCase> = graphCases(30, rowShapes)
  .map(exactCase);

function exactCase({ graph, inputs, donated }: GraphCase): GraphCase {
  return {
    graph: exactGraph(graph),
    inputs: inputs.map(({ dtype, shape, values }) =>
      elements(single(dtype), shape, values.map((value) => exactValue(dtype, value)))
    ),
    donated,
  };
}
