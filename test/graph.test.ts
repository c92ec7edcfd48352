import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  argMax,
  exp,
  full,
  grad,
  key,
  makeGraph,
  matmul,
  mul,
  normal,
  sub,
  sum,
  tanh,
  type Tensor,
  tensor,
  transpose,
  where,
  zeros,
} from "../mod.ts";
import type { Graph, Value } from "../src/graph/graph.ts";
import { graphKey } from "../src/graph/hash.ts";
import { createGraph, printParams } from "../src/graph/print.ts";

const lines = (...text: string[]) => text.join("\n");

test("graph: text of inputs, constants, numbers, parameters and outputs", () => {
  const constant = tensor([[1, 2], [3, 4]]);
  const f = ({ w, b }: { w: Tensor; b: Tensor }, x: Tensor) => {
    const y = add(matmul(x, matmul(constant, w)), b);
    return { loss: sum(mul(y, -0.5)), best: argMax(transpose(y), 0), one: tensor(1) };
  };
  const graph = makeGraph(f)({ w: zeros([2, 3]), b: zeros([3]) }, zeros([5, 2]));
  assert.equal(
    String(graph),
    lines(
      "graph(%0: float32[3], %1: float32[2, 3], %2: float32[5, 2]) {",
      "  %3: float32[2, 2] = constant",
      "  %4: float32[2, 3] = dot %3 %1 {contract: [[1, 0]], batch: []}",
      "  %5: float32[5, 3] = dot %2 %4 {contract: [[1, 0]], batch: []}",
      "  %6: float32[5, 3] = add %5 %0",
      "  %7: float32[5, 3] = mul %6 -0.5",
      "  %8: float32[] = reduceSum %7 {axes: [0, 1]}",
      "  %9: float32[3, 5] = transpose %6 {permutation: [1, 0]}",
      "  %10: int32[5] = argMax %9 {axis: 0}",
      "  return %10, %8, 1",
      "}",
    ),
  );
});

test("graph: what is closed over is one constant, or one further input, however often it is used", () => {
  const constant = tensor([1, 2, 3]);
  const graphs: Graph[] = [];
  const outer = makeGraph((y: Tensor) => {
    graphs.push(
      makeGraph((x: Tensor) => mul(add(x, constant), mul(add(x, y), mul(y, constant))))(y),
    );
    return y;
  });
  outer(constant);
  const [graph] = graphs;
  assert.equal(graph!.constants.length, 1);
  assert.equal(graph!.inputs.length, 2);
  assert.match(
    String(graph),
    /^graph\(%0: float32\[3\], %1: float32\[3\]\) \{\n {2}%2: float32\[3\] = constant\n {2}%3/,
  );
});

test("graph: text of awkward numbers and of no inputs", () => {
  const f = () => [
    mul(full([2], -0), -0),
    where(tensor(true), tensor(NaN), Infinity),
    tensor(1e-30, { dtype: "float64" }),
    mul(full([2], 1, { dtype: "float64" }), 0.1),
    tensor(0.1),
  ];
  assert.equal(
    String(makeGraph(f)()),
    lines(
      "graph() {",
      "  %0: float32[2] = full {shape: [2], dtype: float32, value: -0}",
      "  %1: float32[2] = mul %0 -0",
      "  %2: float32[] = select 1 NaN Infinity",
      "  %3: float64[2] = full {shape: [2], dtype: float64, value: 1}",
      "  %4: float64[2] = mul %3 0.1",
      "  return %1, %2, 1e-30, %4, 0.10000000149011612",
      "}",
    ),
  );
});

test("graph: text of a gradient", () => {
  const f = grad((x: Tensor) => sum(tanh(x)));
  assert.equal(
    String(makeGraph(f)(zeros([2]))),
    lines(
      "graph(%0: float32[2]) {",
      "  %1: float32[2] = tanh %0",
      "  %2: float32[] = reduceSum %1 {axes: [0]}",
      "  %3: float32[] = full {shape: [], dtype: float32, value: 1}",
      "  %4: float32[2] = broadcast %3 {shape: [2], axes: []}",
      "  %5: float32[2] = mul %1 %1",
      "  %6: float32[2] = sub 1 %5",
      "  %7: float32[2] = mul %4 %6",
      "  return %7",
      "}",
    ),
  );
});

test("graph: parameters print in full, or not at all", () => {
  assert.equal(printParams({}), "");
  assert.equal(printParams({ axis: -0, reverse: true }), "{axis: -0, reverse: true}");
  assert.equal(printParams({ contract: [[0, 1]], batch: [] }), "{contract: [[0, 1]], batch: []}");
});

const keyOf = (f: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]) =>
  graphKey(makeGraph(f)(...inputs));
const x = zeros([3]);

test("graph key: equal for what computes the same way, whatever it was called", () => {
  const first = (x: Tensor, y: Tensor) => add(exp(x), y);
  const second = (a: Tensor, b: Tensor) => {
    const inner = exp(a);
    return { result: add(inner, b) };
  };
  assert.equal(keyOf(first, x, x), keyOf(second, x, x));
  const [one, other] = [tensor([1, 2, 3]), tensor([4, 5, 6])];
  assert.equal(keyOf((x) => add(x, one), x), keyOf((x) => add(x, other), x), "constants by spec");
});

test("graph key: equal after renumbering", () => {
  const graph = makeGraph((x: Tensor) => mul(exp(x), 2))(x);
  const renumber = (value: Value): Value => ({ ...value, id: value.id * 3 + 5 });
  const renumbered = createGraph({
    inputs: graph.inputs.map(renumber),
    constants: [],
    instructions: graph.instructions.map((instruction) => ({
      ...instruction,
      operands: instruction.operands.map((o) => "literal" in o ? o : renumber(o)),
      output: renumber(instruction.output),
    })),
    outputs: graph.outputs.map((o) => "literal" in o ? o : renumber(o)),
  } as Graph);
  assert.equal(String(renumbered), String(graph));
  assert.equal(graphKey(renumbered), graphKey(graph));
});

test("graph key: differs by operation, operand order, parameters, specs, numbers and outputs", () => {
  const matrix = zeros([2, 2]);
  const keys = [
    keyOf((x) => exp(x), x),
    keyOf((x) => tanh(x), x),
    keyOf((x) => exp(x), zeros([4])),
    keyOf((x) => exp(x), zeros([3], { dtype: "float64" })),
    keyOf((x, y) => sub(x, y), x, x),
    keyOf((x, y) => sub(y, x), x, x),
    keyOf((x, _y) => sub(x, x), x, x),
    keyOf((x) => sum(x, { axis: 0 }), matrix),
    keyOf((x) => sum(x, { axis: 1 }), matrix),
    keyOf((x) => mul(x, 0), x),
    keyOf((x) => mul(x, -0), x),
    keyOf((x) => mul(x, NaN), x),
    keyOf((x) => [exp(x), x], x),
    keyOf((x) => [x, exp(x)], x),
    keyOf(() => tensor(1)),
    keyOf(() => tensor(1, { dtype: "float64" })),
    keyOf(() => tensor(1, { dtype: "int32" })),
    keyOf((x) => where(x, tensor(1), 2), tensor(true)),
    keyOf((x) => where(x, tensor(1, { dtype: "float64" }), 2), tensor(true)),
  ];
  assert.equal(new Set(keys).size, keys.length);
});

test("graph: a program of many instructions numbers them without a gap", () => {
  const text = String(makeGraph((k: Tensor) => normal(k, [2, 2]))(key(0)));
  const defined = [...text.matchAll(/%(\d+): /g)].map(([, number]) => Number(number));
  assert.deepEqual(defined, defined.map((_, i) => i));
  assert.ok(defined.length > 20);
  assert.doesNotMatch(text, /undefined|\?|object/);
});
