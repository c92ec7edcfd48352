import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  applyUpdates,
  broadcastTo,
  chain,
  clipByGlobalNorm,
  cumSum,
  exp,
  makeGraph,
  mul,
  s3,
  sqrt,
  sum,
  type Tensor,
  zeros,
} from "../mod.ts";
import { findAlikePieces } from "../src/compiler/fuse-pieces.ts";
import { assignRoles } from "../src/compiler/fuse-roles.ts";
import { withOwnOutputs } from "../src/compiler/outputs.ts";
import { simplify } from "../src/compiler/simplify.ts";
import type { Target } from "../src/compiler/target.ts";
import { sizeOf } from "../src/core/shape.ts";
import { type Graph, type Instruction, isLiteral, type Operand } from "../src/graph/graph.ts";
import { createGraph } from "../src/graph/print.ts";
import { primitiveOf } from "../src/tracing/primitive.ts";
import { checkLoops, compileWith, loopsOf, runProgram, summaryOf } from "./support/fusion.ts";
import { graphCases, rowShapes } from "./support/random-graphs.ts";

/** How many pieces there are of each kind that occurs several times. */
function countsOf(graph: Graph): number[] {
  const owning = withOwnOutputs(simplify(graph, () => undefined));
  const roles = assignRoles(owning, { fuses: true });
  const outputs = new Set(owning.outputs.map(({ id }) => roles.memoryOf(id)));
  return findAlikePieces(roles, outputs).map(({ pieces }) => pieces.length);
}

/** What several copies of a graph have to do with each other. */
type Link = "nothing" | "their total" | "some of them" | "the copy before";

/** Copies of a graph one after the other or side by side, and what becomes of their results. */
function copiesOf(graph: Graph, count: number, link: Link, sideBySide: boolean): Graph {
  let nextId = 0;
  const instructions: Instruction[] = [];
  const make = (op: Instruction["op"], params: object, ...operands: Operand[]): Operand => {
    const spec = primitiveOf(op).infer(params as never, ...operands.map((operand) => operand.spec));
    const output = { id: nextId++, spec };
    instructions.push({ op, params: params as Instruction["params"], operands, output });
    return output;
  };
  const numbers = Array.from({ length: count }, () => new Map<number, Operand>());
  const rename = (operand: Operand, copy: number): Operand =>
    isLiteral(operand) ? operand : numbers[copy]!.get(operand.id)!;
  const inputs = numbers.flatMap((own) =>
    graph.inputs.map(({ id, spec }) => {
      const input = { id: nextId++, spec };
      own.set(id, input);
      return input;
    })
  );
  const add = ({ op, params, operands, output }: Instruction, copy: number): void => {
    const renamed = operands.map((operand) => rename(operand, copy));
    numbers[copy]!.set(output.id, make(op, params, ...renamed));
  };
  if (sideBySide) {
    for (const each of graph.instructions) numbers.forEach((_, copy) => add(each, copy));
  } else {
    numbers.forEach((_, copy) => graph.instructions.forEach((each) => add(each, copy)));
  }

  const results = numbers.map((_, copy) => graph.outputs.map((output) => rename(output, copy)));
  if (link === "nothing") {
    return createGraph({ inputs, constants: [], instructions, outputs: results.flat() });
  }
  const sums = results.map(([first]) => {
    const axes = first!.spec.shape.map((_, axis) => axis);
    return make("reduceSum", { axes }, make("cast", { dtype: "float32" }, first!));
  });
  const total = (list: readonly Operand[]): Operand =>
    list.reduce((before, each) => make("add", {}, before, each));
  const shared = total(link === "some of them" ? sums.slice(1) : sums);
  const linked = results.map((list, copy) =>
    list.map((result) => {
      const float = make("cast", { dtype: "float32" }, result);
      if (link === "the copy before") {
        return make("mul", {}, float, sums[(copy + count - 1) % count]!);
      }
      const own = link === "some of them" ? make("mul", {}, float, sums[copy]!) : float;
      return make("mul", {}, own, shared);
    })
  );
  return createGraph({ inputs, constants: [], instructions, outputs: linked.flat() });
}

const targets: readonly [string, Omit<Target, "fuses">, Parameters<typeof graphCases>[1]][] = [
  ["", {}, undefined],
  [", in sweeps", { sweeps: () => true }, rowShapes],
  [", with few buffers", { buffersPerLoop: 5 }, undefined],
];

for (const [name, limits, shapes] of targets) {
  test(`fuse: copies of random graphs give the same bits fused and not${name}`, () => {
    fc.assert(
      fc.property(
        graphCases(20, shapes),
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom<Link>("nothing", "their total", "some of them", "the copy before"),
        fc.boolean(),
        (one, count, link, sideBySide) => {
          const graph = copiesOf(one.graph, count, link, sideBySide);
          const inputs = Array.from({ length: count }, () => one.inputs).flat();
          const donated = new Set(
            inputs.flatMap((_, i) => one.donated.has(i % one.inputs.length) ? i : []),
          );
          const fused = compileWith(true, graph, donated, limits);
          checkLoops(fused);
          const expected = runProgram(compileWith(false, graph), inputs);
          assert.deepEqual(runProgram(fused, inputs, donated), expected, `${graph}`);
        },
      ),
      { numRuns: 300 },
    );
  });
}

test("fuse: independent copies become the passes that each becomes alone", () => {
  fc.assert(
    fc.property(graphCases(20), fc.boolean(), ({ graph }, sideBySide) => {
      // Work on numbers, and on nothing but numbers, is one pass for all copies.
      const isLarge = ({ spec }: Operand): boolean => sizeOf(spec.shape) > 1;
      const values = [...graph.inputs, ...graph.instructions.map(({ output }) => output)];
      fc.pre(values.every(isLarge) && graph.outputs.every((output) => !isLiteral(output)));
      fc.pre(graph.instructions.every(({ operands }) => !operands.every(isLiteral)));
      const alone = summaryOf(compileWith(true, graph));
      const copies = summaryOf(compileWith(true, copiesOf(graph, 3, "nothing", sideBySide)));
      assert.deepEqual(copies.sort(), [...alone, ...alone, ...alone].sort(), `${graph}`);
    }),
    { numRuns: 300 },
  );
});

test("fuse: what an optimizer does to tensors of one shape is found to be alike", () => {
  const optimizer = chain(clipByGlobalNorm(1), s3({ learningRate: 0.1, weightDecay: 0.1 }));
  const params = [[30], [30], [4, 5], [30], [4, 5], [7]].map((shape) => zeros(shape));
  const state = optimizer.init(params);
  const graph = makeGraph((p: Tensor[], s: typeof state, g: Tensor[]) => {
    const [updates, next] = optimizer.update(g, s, p);
    return [applyUpdates(p, updates), next];
  })(params, state, params);
  assert.deepEqual(countsOf(graph), [3, 2]);
});

test("fuse: pieces that an array passes between are one", () => {
  const [a, b, x] = [zeros([8]), zeros([8]), zeros([8])];
  const apart = makeGraph((a: Tensor, b: Tensor) => [exp(a).mul(a), exp(b).mul(b)]);
  assert.deepEqual(countsOf(apart(a, b)), [2]);
  const shared = makeGraph((a: Tensor, b: Tensor, x: Tensor) => [exp(a).mul(x), exp(b).mul(x)]);
  assert.deepEqual(countsOf(shared(a, b, x)), []);
  const passed = makeGraph((a: Tensor, b: Tensor) => [exp(a), exp(b).mul(exp(a))]);
  assert.deepEqual(countsOf(passed(a, b)), []);
});

test("fuse: pieces with numbers of their own are alike, those that need each other's are not", () => {
  const normalized = (x: Tensor): Tensor => mul(x, exp(sqrt(sum(mul(x, x)))));
  const [a, b] = [zeros([8]), zeros([8])];
  const own = makeGraph((a: Tensor, b: Tensor) => [normalized(a), normalized(b)])(a, b);
  assert.deepEqual(countsOf(own), [2]);
  assert.equal(loopsOf(compileWith(true, own)).length % 2, 0);
  const crossed = makeGraph((a: Tensor, b: Tensor) => [mul(a, sum(b)), mul(b, sum(a))])(a, b);
  assert.deepEqual(countsOf(crossed), []);
  const total = makeGraph((a: Tensor, b: Tensor) => {
    const both = add(sum(a), sum(b));
    return [mul(a, both), mul(b, both)];
  })(a, b);
  assert.deepEqual(countsOf(total), [2]);
  // A broadcast sum is computed again by whoever needs it, from a value of another piece.
  const foreign = makeGraph((a: Tensor, b: Tensor, c: Tensor) => {
    const wide = broadcastTo(sum(c), [8]);
    return [mul(a, wide), mul(b, wide), wide];
  })(a, b, a);
  assert.deepEqual(countsOf(foreign), []);
});

test("fuse: pieces that pass arrays on to kernels of their own are left as they are", () => {
  const layers = makeGraph((a: Tensor, b: Tensor) => [
    exp(cumSum(exp(a))),
    exp(cumSum(exp(b))),
  ])(zeros([8]), zeros([8]));
  // What comes after the kernels is apart; what comes before is not.
  assert.deepEqual(countsOf(layers), [2]);
});
