import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  div,
  exp,
  grad,
  layerNorm,
  logSoftmax,
  makeGraph,
  max,
  mean,
  mul,
  neg,
  softmax,
  softmaxCrossEntropyWithIntegerLabels,
  sub,
  sum,
  tanh,
  type Tensor,
  zeros,
} from "../mod.ts";
import type { Program } from "../src/backend/program.ts";
import { programStatistics } from "../src/compiler/statistics.ts";
import { sizeOf } from "../src/core/shape.ts";
import { checkLoops, compileWith, loopsOf, runProgram, summaryOf } from "./support/fusion.ts";
import { graphCases, rowShapes } from "./support/random-graphs.ts";
import { runGenerated, runInterpreted, ulpsBetween } from "./support/run-loop.ts";

function swept(
  f: (...inputs: never[]) => unknown,
  inputs: unknown[],
  donated: number[] = [],
): Program {
  const graph = makeGraph(f as (...inputs: unknown[]) => unknown)(...inputs);
  const program = compileWith(true, graph, new Set(donated), { sweeps: () => true });
  checkLoops(program);
  return program;
}

const x = zeros([64, 40]);
const row = zeros([40]);

test("sweeps: random graphs over rows give the same bits as without fusion", () => {
  let loops = 0;
  fc.assert(
    fc.property(
      graphCases(30, rowShapes),
      fc.constantFrom(4, 8, Infinity),
      ({ graph, inputs, donated }, buffersPerLoop) => {
        const program = compileWith(true, graph, donated, { sweeps: () => true, buffersPerLoop });
        checkLoops(program);
        loops += loopsOf(program).filter(({ sweeps }) => sweeps !== undefined).length;
        const expected = runProgram(compileWith(false, graph), inputs);
        assert.deepEqual(runProgram(program, inputs, donated), expected, `${graph}`);
      },
    ),
    { numRuns: 600 },
  );
  assert.ok(loops > 20, `${loops} loops with sweeps`);
});

test("sweeps: softmax, layerNorm and the loss are one pass, which stores results alone", () => {
  assert.deepEqual(summaryOf(swept((x: Tensor) => softmax(x), [x])), ["reduce 3>2"]);
  assert.deepEqual(summaryOf(swept((x: Tensor) => logSoftmax(x), [x])), ["reduce 3>1"]);
  const norm = swept(
    (x: Tensor, scale: Tensor, offset: Tensor) => layerNorm({ scale, offset }, x),
    [x, row, row],
  );
  assert.deepEqual(summaryOf(norm), ["reduce 5>1"]);
  const loss = (x: Tensor, labels: Tensor) => softmaxCrossEntropyWithIntegerLabels(x, labels);
  const labels = zeros([64], { dtype: "int32" });
  assert.equal(swept(loss, [x, labels]).kernels.length, 1);
});

test("sweeps: the gradients over rows are one pass, those along columns another", () => {
  const ofSoftmax = grad((x: Tensor, w: Tensor) => sum(mul(softmax(x), w)));
  const program = swept(ofSoftmax, [x, x]);
  assert.equal(program.kernels.length, 1);
  assert.equal(program.arenaBytes, 0);
  const ofNorm = grad((p: { x: Tensor; scale: Tensor; offset: Tensor }, w: Tensor) =>
    sum(mul(layerNorm(p, p.x), w))
  );
  assert.equal(swept(ofNorm, [{ x, scale: row, offset: row }, x]).kernels.length, 2);
});

test("sweeps: a slow function is computed once, and kept where the result will be", () => {
  const program = swept((x: Tensor) => softmax(x), [x], [0]);
  const [loop] = loopsOf(program);
  const count =
    loop!.statements.filter((each) => each.kind === "apply" && each.op === "exp").length;
  assert.equal(count, 1);
  assert.deepEqual(loop!.stores.map(({ access }) => access.buffer), [0, 0]);
  // With no result in its dtype there is no place, and so a pass of its own.
  const compared = swept((x: Tensor) => {
    const y = exp(x);
    return sub(
      sum(y, { axis: -1 }),
      max(div(y, sum(y, { axis: -1, keepDims: true })), { axis: -1 }),
    );
  }, [x]);
  const exps = loopsOf(compared).flatMap(({ statements }) =>
    statements.filter((each) => each.kind === "apply" && each.op === "exp")
  );
  assert.equal(exps.length, 1);
});

test("sweeps: an operand that a later sweep reads again keeps its memory", () => {
  // The centred rows are stored first, in a place of their own: the last sweep needs x.
  const f = (x: Tensor) => {
    const centred = tanh(sub(x, mean(x, { axis: -1, keepDims: true })));
    return [centred, mul(x, sum(centred, { axis: -1, keepDims: true }))];
  };
  const program = swept(f, [x], [0]);
  assert.equal(program.kernels.length, 1);
  assert.deepEqual(
    program.outputs.map(({ buffer }) => program.buffers[buffer]!.kind),
    ["fresh", "input"],
  );
});

test("sweeps: a number of a row that needs no reduction is computed in the sweep that needs it", () => {
  const f = (x: Tensor, y: Tensor) => {
    const factor = exp(y);
    const e = exp(sub(x, max(x, { axis: -1, keepDims: true })));
    return mul(sum(e, { axis: -1 }), factor);
  };
  assert.deepEqual(summaryOf(swept(f, [x, zeros([64])])), ["reduce 3>1"]);
});

test("sweeps: rows that leave the cache in between are counted each time", () => {
  const moved = (columns: number): number[] => {
    const program = swept((x: Tensor) => softmax(x), [zeros([16, columns])]);
    const { bytesRead, bytesWritten } = programStatistics(program);
    return [bytesRead, bytesWritten].map((bytes) => bytes / (16 * columns * 4));
  };
  assert.deepEqual(moved(1000), [1, 1]);
  assert.deepEqual(moved(2 ** 17), [3, 2]);
});

test("sweeps: few rows, and columns, stay several passes", () => {
  const isSwept = (f: (x: Tensor) => Tensor, shape: number[]): boolean =>
    loopsOf(swept(f, [zeros(shape)])).some(({ sweeps }) => sweeps !== undefined);
  assert.ok(isSwept((x) => softmax(x), [16, 8]));
  assert.ok(!isSwept((x) => softmax(x), [15, 8]));
  assert.ok(!isSwept((x) => softmax(x), [500]));
  assert.ok(!isSwept((x) => softmax(x, 0), [64, 40]));
});

test("sweeps: generated code does what the interpreter does", () => {
  const functions: ((x: Tensor) => unknown)[] = [
    (x) => softmax(x),
    (x) => logSoftmax(x),
    (x) => neg(div(x, add(max(x, { axis: -1, keepDims: true }), 3))),
    (x) => {
      const centred = sub(x, mean(x, { axis: -1, keepDims: true }));
      return [
        centred,
        div(centred, add(1, mean(mul(centred, centred), { axis: -1, keepDims: true }))),
      ];
    },
    grad((x: Tensor) => sum(mul(mul(x, x), softmax(x)))),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...functions),
      fc.constantFrom([16, 2], [17, 5], [2, 9, 16], [20, 33], [16, 64], [18, 4100]),
      fc.boolean(),
      fc.nat({ max: 17 }),
      (f, shape, inPlace, cut) => {
        const program = swept(f, [zeros(shape)], inPlace ? [0] : []);
        const size = sizeOf(shape);
        const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7) * 3);
        const [loop, ...others] = loopsOf(program);
        assert.ok(loop!.sweeps !== undefined && others.length === 0);
        const buffers = program.buffers.map((plan, i) =>
          i === 0 ? values.buffer : new ArrayBuffer(plan.byteLength)
        );
        const cuts = (extent: number) => cut < extent ? [cut] : [];
        const actual = runGenerated(loop!, buffers, cuts);
        runInterpreted(loop!, buffers).forEach((buffer, i) => {
          const expected = new Float32Array(buffer);
          const found = new Float32Array(actual[i]!);
          const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
          expected.forEach((value, at) => {
            // Sums differ in their order, functions in their last bits.
            const close = Math.abs(found[at]! - value) <= 2e-6 * Math.max(largest, 1) ||
              ulpsBetween("float32", found[at]!, value) <= 64;
            assert.ok(close, `${found[at]} for ${value} at ${at} of ${i}`);
          });
        });
      },
    ),
    { numRuns: 150 },
  );
});
