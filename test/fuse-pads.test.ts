import assert from "node:assert/strict";
import { test } from "node:test";
import { exp, grad, makeGraph, mul, slice, sum, type Tensor, zeros } from "../mod.ts";
import { compileWith, runProgram, summaryOf } from "./support/fusion.ts";
import { createGraph } from "../src/graph/print.ts";
import type { Instruction } from "../src/graph/graph.ts";
import { elements } from "./support/run-kernel.ts";

/** Every part of x counts, with a weight of its own. */
const parts = (...cuts: [number, number][]) => (x: Tensor): Tensor =>
  cuts.map(([from, to], i) => sum(mul(exp(slice(x, [from], [to])), i + 2)))
    .reduce((a, b) => a.add(b));

test("fuse: the derivative of a split is one concatenation", () => {
  const graph = makeGraph(grad(parts([0, 2], [2, 4], [4, 6])))(zeros([6, 5]));
  const ops = summaryOf(compileWith(true, graph));
  assert.equal(ops.filter((op) => op === "concat").length, 1);
  assert.ok(!ops.includes("pad"));
});

test("fuse: parts of which some are missing, in any order, are filled up with zeros", () => {
  const values = [0, -0, 1, NaN, -Infinity, 2, 3, 4, -1, -2, 0.5, 7];
  for (
    const cuts of [[[0, 2], [4, 6]], [[4, 5], [1, 2]], [[1, 2], [2, 3], [5, 6]]] as [
      number,
      number,
    ][][]
  ) {
    const graph = makeGraph(grad(parts(...cuts)))(zeros([6, 2]));
    const inputs = [elements("float32", [6, 2], values)];
    const fused = compileWith(true, graph);
    assert.ok(!summaryOf(fused).includes("pad"));
    assert.deepEqual(runProgram(fused, inputs), runProgram(compileWith(false, graph), inputs));
  }
});

test("fuse: parts that overlap are padded and added", () => {
  const graph = makeGraph(grad(parts([0, 3], [2, 6])))(zeros([6, 5]));
  assert.equal(summaryOf(compileWith(true, graph)).filter((op) => op === "pad").length, 2);
});

test("fuse: padded values of different shapes are not pieces of one", () => {
  const pad = (id: number, shape: number[], low: number[], high: number[]): Instruction => ({
    op: "pad",
    params: { low, high, inner: shape.map(() => 0) },
    operands: [inputs[id]!],
    output: { id: id + 2, spec: { shape, dtype: "float32" } },
  });
  const inputs = [[1], [1, 2]].map((shape, id) => ({
    id,
    spec: { shape, dtype: "float32" as const },
  }));
  const [a, b] = [pad(0, [2], [0], [1]), pad(1, [2, 2], [1, 0], [0, 0])];
  const output = { id: 4, spec: b.output.spec };
  const sum: Instruction = { op: "add", params: {}, operands: [a.output, b.output], output };
  const graph = createGraph({
    inputs,
    constants: [],
    instructions: [a, b, sum],
    outputs: [output],
  });
  const values = [elements("float32", [1], [1]), elements("float32", [1, 2], [2, 3])];
  assert.deepEqual(runProgram(compileWith(true, graph), values), [[1, 0, 3, 3]]);
});
