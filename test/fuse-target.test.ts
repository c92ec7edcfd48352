import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, exp, grad, less, makeGraph, mul, sum, type Tensor, where, zeros } from "../mod.ts";
import { buffersOf } from "../src/backend/loop.ts";
import { splitReduction } from "../src/backend/split-reduction.ts";
import { compile } from "../src/compiler/compile.ts";
import { plan } from "../src/compiler/plan.ts";
import { programStatistics } from "../src/compiler/statistics.ts";
import { bytesPerElement, type DType } from "../src/core/dtype.ts";
import { sizeOf } from "../src/core/shape.ts";
import { checkLoops, compileWith, loopsOf, runProgram, summaryOf } from "./support/fusion.ts";
import { simulateProgram } from "./support/program-simulation.ts";
import { graphCases } from "./support/random-graphs.ts";

const wordBools = (dtype: DType): number => dtype === "bool" ? 4 : bytesPerElement(dtype);
const fewBuffers = fc.constantFrom(3, 4, 7, 8);

test("fuse: no loop has more buffers than the target takes, and every bit is kept", () => {
  fc.assert(
    fc.property(
      graphCases(40),
      fewBuffers,
      ({ graph, inputs, donated }, buffersPerLoop) => {
        const program = compileWith(true, graph, donated, { buffersPerLoop });
        checkLoops(program);
        for (const loop of loopsOf(program)) {
          assert.ok(buffersOf(loop).length <= buffersPerLoop, `${buffersPerLoop}: ${graph}`);
        }
        const expected = runProgram(compileWith(false, graph), inputs);
        assert.deepEqual(runProgram(program, inputs, donated), expected, `${graph}`);
      },
    ),
    { numRuns: 500 },
  );
});

test("fuse: a sum of many values is cut where the target's buffers end, and only there", () => {
  const total = (...list: Tensor[]) => list.reduce((sum, each) => add(sum, exp(each)));
  const graph = makeGraph(total)(...Array.from({ length: 13 }, () => zeros([50])));
  const most = (buffersPerLoop: number): [number, number] => {
    const program = compileWith(true, graph, new Set(), { buffersPerLoop });
    return [
      program.kernels.length,
      Math.max(...loopsOf(program).map((each) => buffersOf(each).length)),
    ];
  };
  assert.deepEqual(most(14), [1, 14]);
  assert.deepEqual(most(8), [2, 8]);
  assert.deepEqual(most(4), [6, 4]);
});

test("fuse: cheap arithmetic on many values goes through memory where it must", () => {
  const f = (a: Tensor, b: Tensor, c: Tensor, d: Tensor) =>
    exp(where(less(a, b), mul(c, 2), add(d, a)));
  const x = zeros([50]);
  const graph = makeGraph(f)(x, x, x, x);
  const of = (buffersPerLoop: number) =>
    summaryOf(compileWith(true, graph, new Set(), { buffersPerLoop }));
  assert.deepEqual(of(5), ["map 4>1"]);
  assert.deepEqual(of(4), ["map 2>1", "map 2>1", "map 3>1"]);
  // A selection among three values needs four.
  assert.ok(of(3).includes("select"));
});

test("compile: a target that takes no loops is given none, whatever its other limits", () => {
  const graph = makeGraph(grad((x: Tensor) => sum(exp(mul(x, x)))))(zeros([9]));
  const { program } = compile(graph, { evaluate: () => undefined, target: { buffersPerLoop: 8 } });
  assert.deepEqual(loopsOf(program), []);
});

test("plan: memory is planned in the device's bytes", () => {
  fc.assert(
    fc.property(graphCases(30), ({ graph, donated }) => {
      const unfused = plan(graph, donated, wordBools);
      simulateProgram(graph, unfused, donated, wordBools);
      const fused = compileWith(true, graph, donated, { bytesPerElement: wordBools });
      checkLoops(fused, wordBools);
      for (const { buffers, inputs, outputs } of [unfused, fused]) {
        [...inputs.entries(), ...outputs.map(({ buffer, spec }) => [buffer, spec] as const)]
          .forEach(([buffer, { shape, dtype }]) =>
            assert.equal(buffers[buffer]!.byteLength, sizeOf(shape) * wordBools(dtype))
          );
      }
    }),
    { numRuns: 300 },
  );
});

test("plan: a comparison may take its operand's place where both are as large on the device", () => {
  const isNegative = (x: Tensor) => less(x, 0);
  const graph = makeGraph(isNegative)(zeros([100]));
  const placed = (elementBytes: (dtype: DType) => number) => {
    const { program } = compile(graph, {
      donated: new Set([0]),
      evaluate: () => undefined,
      target: { fuses: true, bytesPerElement: elementBytes },
    });
    return [
      program.buffers[program.outputs[0]!.buffer],
      programStatistics(program, elementBytes).bytesWritten,
    ];
  };
  assert.deepEqual(placed(bytesPerElement), [{ kind: "fresh", byteLength: 100 }, 100]);
  assert.deepEqual(placed(wordBools), [{ kind: "input", input: 0, byteLength: 400 }, 400]);
});

test("split: a reduction whose parts would need too many buffers stays whole", () => {
  const f = (x: Tensor) => [sum(x), sum(exp(x)), sum(mul(x, x))];
  const [loop] = loopsOf(compileWith(true, makeGraph(f)(zeros([2 ** 18]))));
  const options = { partPoints: 2 ** 15, mostResults: 8, bytesPerElement };
  const split = splitReduction(loop!, 4, { ...options, buffersPerLoop: 6 });
  assert.equal(Math.max(...split!.loops.map((each) => buffersOf(each).length)), 6);
  assert.equal(splitReduction(loop!, 4, { ...options, buffersPerLoop: 5 }), undefined);
});
