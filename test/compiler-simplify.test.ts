import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  arange,
  broadcastTo,
  cast,
  div,
  exp,
  full,
  jit,
  makeGraph,
  mul,
  neg,
  ones,
  pow,
  reshape,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  where,
  zeros,
} from "../mod.ts";
import { simplify } from "../src/compiler/simplify.ts";
import type { Graph, Instruction } from "../src/graph/graph.ts";
import { bitcast, broadcast, logicalNot } from "./support/primitives.ts";
import { bind } from "../src/tracing/bind.ts";
import { evaluateGraph } from "../src/tracing/evaluate-graph.ts";
import { execute } from "../src/tracing/execute.ts";
import { literalStorage } from "../src/tensor/storage.ts";
import { Tensor as TensorClass } from "../src/tensor/tensor.ts";
import { randomPrograms, runProgram } from "./support/random-programs.ts";
import { assertSameBits } from "./support/tensors.ts";

/** Scalars as the device computes them. */
function evaluate({ op, params, operands }: Instruction): number | undefined {
  const inputs = operands.map((operand) =>
    new TensorClass(operand.spec, literalStorage("cpu", (operand as { literal: number }).literal))
  );
  return execute(op, params, inputs).item();
}

const never = () => undefined;

/** The instructions that are left of a function, as text. */
function left(f: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]): string[] {
  const graph = simplify(makeGraph(f)(...inputs), evaluate);
  return String(graph).split("\n").slice(1, -2).map((line) => line.replace(/^.*? = /, ""));
}

const x = tensor([1, 2, 3]);
const counts = arange(3);

test("simplify: random graphs give the same bits before and after", () => {
  fc.assert(
    fc.property(randomPrograms, ({ program, inputs }) => {
      const graph = makeGraph((...inputs: Tensor[]) => runProgram(program, inputs))(...inputs);
      const constants = constantsOf(graph);
      const expected = evaluateGraph(graph, inputs, constants);
      for (const scalars of [evaluate, never]) {
        const simplified = simplify(graph, scalars);
        assert.ok(simplified.instructions.length <= graph.instructions.length);
        const actual = evaluateGraph(simplified, inputs, constants);
        actual.forEach((tensor, i) => assertSameBits(tensor, expected[i]!, String(simplified)));
      }
    }),
    { numRuns: 1000 },
  );
});

/** The only constants that random programs make are the indices of `take`. */
function constantsOf(graph: Graph): Tensor[] {
  return graph.constants.map(() => tensor([0, 5], { dtype: "int32" }));
}

test("simplify: a neutral number vanishes, on the side where it is neutral", () => {
  assert.deepEqual(left((x) => mul(x, 1), x), []);
  assert.deepEqual(left((x) => mul(1, x), x), []);
  assert.deepEqual(left((x) => div(x, 1), x), []);
  assert.deepEqual(left((x) => pow(x, 1), x), []);
  assert.deepEqual(left((x) => sub(x, 0), x), []);
  assert.deepEqual(left((x) => add(x, -0), x), []);
  assert.deepEqual(left((x) => add(-0, x), x), []);
  assert.deepEqual(left((x) => mul(x, 1), counts), []);

  assert.deepEqual(left((x) => div(1, x), x), ["div 1 %0"]);
  assert.deepEqual(left((x) => pow(1, x), x), ["pow 1 %0"]);
  assert.deepEqual(left((x) => sub(0, x), x), ["sub 0 %0"]);
  assert.deepEqual(left((x) => mul(x, -1), x), ["mul %0 -1"]);
  assert.deepEqual(left((x) => mul(x, 0), x), ["mul %0 0"], "NaN times 0 is NaN");
});

test("simplify: x + 0 and x - -0 stay, because they turn -0 into 0", () => {
  assert.deepEqual(left((x) => add(x, 0), x), ["add %0 0"]);
  assert.deepEqual(left((x) => add(0, x), x), ["add 0 %0"]);
  assert.deepEqual(left((x) => sub(x, -0), x), ["sub %0 -0"]);
  assert.deepEqual(jit((x: Tensor) => add(x, 0))(tensor([-0])).toArray(), [0]);
  assert.deepEqual(jit((x: Tensor) => sub(x, -0))(tensor([-0])).toArray(), [0]);
  assert.deepEqual(jit((x: Tensor) => sub(x, 0))(tensor([-0])).toArray(), [-0]);
});

test("simplify: a neutral number stays where broadcasting it gives the shape", () => {
  assert.deepEqual(left((x) => mul(x, ones([2, 3])), x), [
    "full {shape: [2, 3], dtype: float32, value: 1}",
    "mul %0 %1",
  ]);
  assert.deepEqual(left((x) => mul(x, ones([3])), x), []);
  assert.deepEqual(left((x) => add(x, full([3], 2)), x), ["add %0 2"]);
  assert.deepEqual(left((x) => mul(x, broadcastTo(tensor(1), x.shape)), x), []);
});

test("simplify: what undoes itself vanishes", () => {
  assert.deepEqual(left((x) => neg(neg(x)), x), []);
  assert.deepEqual(left((x) => neg(neg(neg(x))), x), ["neg %0"]);
  assert.deepEqual(left((x) => logicalNot(logicalNot(x)), tensor([true])), []);
  assert.deepEqual(left((x) => neg(exp(neg(x))), x), ["neg %0", "exp %1", "neg %2"]);
});

test("simplify: movement and casts that change nothing vanish", () => {
  const matrix = zeros([2, 2]);
  assert.deepEqual(left((x) => stopGradient(x), x), []);
  assert.deepEqual(left((x) => bind("cast", { dtype: "float32" }, [x]), x), []);
  assert.deepEqual(left((x) => bitcast(x, "float32"), x), []);
  assert.deepEqual(left((x) => bind("reshape", { shape: [3] }, [x]), x), []);
  assert.deepEqual(left((x) => bind("transpose", { permutation: [0, 1] }, [x]), matrix), []);
  assert.deepEqual(left((x) => bind("broadcast", { shape: [3], axes: [0] }, [x]), x), []);

  assert.deepEqual(left((x) => cast(cast(x, "int32"), "float32"), x).length, 2, "it truncates");
  assert.deepEqual(left((x) => bitcast(x, "int32"), x).length, 1);
  assert.deepEqual(left((x) => reshape(x, [3, 1]), x).length, 1);
  assert.deepEqual(left((x) => transpose(x), matrix).length, 1);
  assert.deepEqual(left((x) => broadcast(x, [3, 3], [1]), x).length, 1);
});

test("simplify: a choice by a number is made", () => {
  const choose = (condition: boolean) => (x: Tensor) =>
    where(full([3], +condition, { dtype: "bool" }), x, exp(x));
  assert.deepEqual(left(choose(true), x), []);
  assert.deepEqual(left(choose(false), x), ["exp %0"]);
  // The part that is chosen does not have the shape of the result.
  const spread = (x: Tensor) => where(tensor(true), x, zeros([2, 3]));
  assert.equal(left(spread, x).at(-1), "select 1 %0 %1");
});

test("simplify: numbers are computed as the device would, in their dtype", () => {
  assert.deepEqual(left(() => mul(tensor(0.1), 3)), []);
  const graph = simplify(makeGraph(() => mul(tensor(0.1), 3))(), evaluate);
  assert.match(String(graph), new RegExp(`return ${Math.fround(Math.fround(0.1) * 3)}\n`));
  assert.match(
    String(simplify(makeGraph(() => mul(tensor(0.1, { dtype: "float64" }), 3))(), evaluate)),
    /return 0\.30000000000000004\n/,
  );
  assert.match(
    String(simplify(makeGraph(() => mul(tensor(2 ** 30, { dtype: "int32" }), 4))(), evaluate)),
    /return 0\n/,
  );
  assert.deepEqual(left((x) => mul(x, exp(tensor(0))), x), [], "a folded 1 is neutral");
});

test("simplify: numbers stay where the device cannot be asked", () => {
  const graph = simplify(makeGraph(() => mul(tensor(0.1), 3))(), never);
  assert.equal(graph.instructions.length, 1);
});

test("simplify: a number in bfloat16 is not folded: it would keep what bfloat16 cannot", () => {
  const result = jit(() => cast(cast(tensor(1.001), "bfloat16"), "float32"))();
  assert.equal(result.item(), 1);
});

test("simplify: equal instructions are one", () => {
  assert.deepEqual(left((x) => mul(exp(x), exp(x)), x), ["exp %0", "mul %1 %1"]);
  assert.deepEqual(left((x) => sub(exp(exp(x)), exp(exp(x))), x).length, 3);
  assert.deepEqual(left((x) => sub(mul(x, 2), mul(x, 2)), x).length, 2);
});

test("simplify: instructions that differ in a parameter, a number, its sign or its dtype stay", () => {
  const matrix = zeros([2, 2]);
  assert.equal(left((x) => add(sum(x, { axis: 0 }), sum(x, { axis: 1 })), matrix).length, 3);
  assert.equal(left((x) => add(mul(x, 2), mul(x, 3)), x).length, 3);
  assert.equal(left((x) => sub(div(x, 0), div(x, -0)), x).length, 3);
  assert.equal(
    left((x) => sub(sub(x, exp(x)), sub(exp(x), x)), x).length,
    4,
    "operands in another order",
  );
  const castsOfOne = (_x: Tensor) => [
    bind("broadcast", { shape: [3], axes: [] }, [tensor(1, { dtype: "float64" })]),
    bind("broadcast", { shape: [3], axes: [] }, [tensor(1)]),
  ];
  assert.equal(left(castsOfOne, x).length, 2);
});

test("simplify: what no output needs vanishes, but no input and no constant", () => {
  const constant = tensor([4, 5, 6]);
  const f = (x: Tensor, _y: Tensor) => {
    exp(add(x, constant));
    return mul(x, 2);
  };
  const graph = simplify(makeGraph(f)(x, x), evaluate);
  assert.equal(graph.instructions.length, 1);
  assert.equal(graph.inputs.length, 2);
  assert.equal(graph.constants.length, 1);
});
