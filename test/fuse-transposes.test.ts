import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph, matmul, mul, type Tensor, transpose, zeros } from "../mod.ts";
import type { Instruction, Value } from "../src/graph/graph.ts";
import { createGraph } from "../src/graph/print.ts";
import { primitiveOf } from "../src/tracing/primitive.ts";
import { checkLoops, compileWith, runProgram, summaryOf } from "./support/fusion.ts";
import { elements } from "./support/run-kernel.ts";

const order = (count: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray(Array.from({ length: count }, (_, axis) => axis), { minLength: count });

/** Two cubes of numbers, a product of them in any way, and a transpose of each and of the result. */
const products = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })).chain(
  ([m, n]) =>
    fc.record({ batches: fc.nat({ max: Math.min(m, n) }), left: order(m), right: order(n) }).chain(
      ({ batches, left, right }) =>
        fc.nat({ max: Math.min(m, n) - batches }).chain((contracted) => {
          const pairs = left.slice(0, batches + contracted).map((axis, i) =>
            [axis, right[i]!] as const
          );
          const rank = m + n - batches - 2 * contracted;
          return fc.record({
            params: fc.constant({ batch: pairs.slice(0, batches), contract: pairs.slice(batches) }),
            left: order(m),
            right: order(n),
            result: order(rank),
          });
        }),
    ),
);

test("fuse: products of transposed operands and transposed products keep every bit", () => {
  fc.assert(
    fc.property(
      products,
      fc.infiniteStream(fc.integer({ min: -99, max: 99 })),
      (product, numbers) => {
        const instructions: Instruction[] = [];
        const inputs = [product.left, product.right].map((axes, id): Value => ({
          id,
          spec: { shape: axes.map(() => 2), dtype: "float32" },
        }));
        const make = (op: Instruction["op"], params: object, ...operands: Value[]): Value => {
          const spec = primitiveOf(op).infer(
            params as never,
            ...operands.map((operand) => operand.spec),
          );
          const output = { id: inputs.length + instructions.length, spec };
          instructions.push({ op, params: params as Instruction["params"], operands, output });
          return output;
        };
        const a = make("transpose", { permutation: product.left }, inputs[0]!);
        const b = make("transpose", { permutation: product.right }, inputs[1]!);
        const dot = make("dot", product.params, a, b);
        const outputs = [make("transpose", { permutation: product.result }, dot)];
        const graph = createGraph({ inputs, constants: [], instructions, outputs });
        const values = inputs.map(({ spec }) => {
          const size = 2 ** spec.shape.length;
          return elements(
            "float32",
            spec.shape,
            [...numbers.take(size)].map((each) => Math.fround(each / 7)),
          );
        });
        const program = compileWith(true, graph);
        checkLoops(program);
        assert.deepEqual(
          runProgram(program, values),
          runProgram(compileWith(false, graph), values),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test("fuse: matrix products fold transposes of their operands and of their result", () => {
  const summary = (f: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]) =>
    summaryOf(compileWith(true, makeGraph(f)(...inputs)));
  const [a, b] = [zeros([3, 4]), zeros([5, 4])];
  assert.deepEqual(summary((a, b) => matmul(a, transpose(b)), a, b), ["dot"]);
  assert.deepEqual(summary((a, b) => transpose(matmul(a, transpose(b))), a, b), ["dot"]);
  // The product is needed as it is, too.
  const both = (a: Tensor, b: Tensor) => {
    const c = matmul(a, transpose(b));
    return [c, mul(transpose(c), 2)];
  };
  assert.deepEqual(summary(both, a, b), ["dot", "map 1>1"]);
});
