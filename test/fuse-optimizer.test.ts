import assert from "node:assert/strict";
import { test } from "node:test";
import {
  applyUpdates,
  chain,
  clipByGlobalNorm,
  type Graph,
  jit,
  makeGraph,
  s3,
  type Tensor,
  tensor,
  treeLeaves,
  warmupCosineDecaySchedule,
  zeros,
} from "../mod.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { formOf } from "../src/backend/loop-form.ts";
import { registerDevice } from "../src/backend/registry.ts";
import type { Program } from "../src/backend/program.ts";
import { kernelStatistics, programStatistics } from "../src/compiler/statistics.ts";
import { checkLoops, compileWith, loadsOf, loopsOf } from "./support/fusion.ts";
import { assertSameBits } from "./support/tensors.ts";

const schedule = warmupCosineDecaySchedule({
  initValue: 0,
  peakValue: 0.1,
  warmupSteps: 3,
  decaySteps: 20,
});
const optimizer = chain(
  clipByGlobalNorm(1),
  s3({ learningRate: schedule, weightDecay: 0.1 }),
);

type Params = Tensor | Record<string, Tensor>;

function step<P extends Params>(params: P, state: unknown, gradient: P): unknown[] {
  const [updates, next] = optimizer.update(gradient, state as never, params);
  return [applyUpdates(params, updates), next];
}

/** The step's graph, and the inputs that are parameters and state. */
function stepGraph(params: Params): { graph: Graph; donated: Set<number> } {
  const state = optimizer.init(params);
  const graph = makeGraph(step)(params, state, params);
  const count = treeLeaves(params).length + treeLeaves(state).length;
  return { graph, donated: new Set(Array.from({ length: count }, (_, i) => i)) };
}

/** The bytes of the buffers that a loop touches and that are larger than a number. */
function arraysOf(program: Program, bytes: number): { reads: number; writes: number }[] {
  const isLarge = ({ buffer }: { buffer: number }) => program.buffers[buffer]!.byteLength === bytes;
  return loopsOf(program).map((loop) => ({
    reads: loadsOf(loop).filter(isLarge).length,
    writes: loop.stores.filter(({ access }) => isLarge(access)).length,
  }));
}

test("fuse: an S3 step with clipping, schedule and weight decay is one reduction, one pass and numbers", () => {
  const shape = [300, 70];
  const size = 300 * 70;
  const { graph, donated } = stepGraph(zeros(shape));
  const program = compileWith(true, graph, donated);
  checkLoops(program);
  const { kernels, loops } = programStatistics(program);
  assert.equal(kernels, loops, "only loops");

  const large = arraysOf(program, 4 * size).filter(({ reads }) => reads > 0);
  assert.deepEqual(large, [{ reads: 1, writes: 0 }, { reads: 4, writes: 3 }]);
  const small = loopsOf(program).filter(({ extents }) => extents.length === 0);
  assert.ok(small.length <= 2, `${small.length} passes over numbers`);
  assert.equal(loops, 2 + small.length);
});

test("fuse: the pass over parameters and state moves seven arrays, and a few numbers", () => {
  const size = 21_000;
  const { graph, donated } = stepGraph(zeros([size]));
  const program = compileWith(true, graph, donated);
  const last = kernelStatistics(program.kernels.at(-1)!);
  assert.equal(last.bytesWritten, 3 * 4 * size);
  assert.ok(last.bytesRead >= 4 * 4 * size && last.bytesRead <= 4 * 4 * size + 16);
  const whole = programStatistics(program);
  assert.ok(whole.bytesRead + whole.bytesWritten < 8 * 4 * size + 200, "8 arrays with the norm");
  assert.ok(whole.flops > 20 * size && whole.flops < 80 * size);
});

test("fuse: for many leaves it is one reduction and one pass for each, equal to each other, and few numbers", () => {
  const count = 120;
  const shapes = [[20, 30], [600], [6, 10, 10]];
  const params = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`leaf ${i}`, zeros(shapes[i % shapes.length]!)]),
  );
  const { graph, donated } = stepGraph(params);
  const program = compileWith(true, graph, donated);
  checkLoops(program);
  const loops = loopsOf(program);
  const forms = (reads: number, writes: number): string[] =>
    arraysOf(program, 4 * 600).flatMap((arrays, i) =>
      arrays.reads === reads && arrays.writes === writes ? [formOf(loops[i]!, 64).key] : []
    );
  for (const [reads, writes] of [[1, 0], [4, 3]] as const) {
    const keys = forms(reads, writes);
    assert.equal(keys.length, count, `${reads} read, ${writes} written`);
    assert.equal(new Set(keys).size, 1, "loops of one form run as one");
  }
  const numbers = loops.filter(({ extents }) => extents.length === 0);
  assert.equal(loops.length, 2 * count + numbers.length);
  assert.ok(numbers.length < 3 + 3 * count / 30, `${numbers.length} passes over numbers`);
  const { bytesRead, bytesWritten } = programStatistics(program);
  assert.ok(bytesRead + bytesWritten < count * (8 * 4 * 600 + 100));
});

test("fuse: donated parameters and state are written in place", () => {
  const params = { w: zeros([30, 7]), b: zeros([7]), half: zeros([30, 7]) };
  const { graph, donated } = stepGraph(params);
  const program = compileWith(true, graph, donated);
  checkLoops(program);
  const places = program.outputs.map(({ buffer }) => program.buffers[buffer]!.kind);
  assert.deepEqual(places, places.map(() => "input"));
  // Three sums for each leaf, in cache lines of their own, and a few numbers that are made of them.
  assert.ok(program.arenaBytes <= 64 * (3 * 3 + 3), `${program.arenaBytes} bytes for numbers`);
});

test("fuse: state kept in bfloat16 is one pass too, in place", () => {
  const half = s3({ learningRate: 0.1, stateDtype: "bfloat16" });
  const params = zeros([1000]);
  const state = half.init(params);
  const graph = makeGraph((params: Tensor, state: unknown, gradient: Tensor) => {
    const [updates, next] = half.update(gradient, state as typeof undefined as never, params);
    return [applyUpdates(params, updates), next];
  })(params, state, params);
  const program = compileWith(true, graph, new Set([0, 1, 2, 3]));
  checkLoops(program);
  assert.deepEqual(programStatistics(program).loops, 2);
  const [pass] = loopsOf(program).filter(({ extents }) => extents.length > 0);
  assert.deepEqual(pass!.stores.map(({ access }) => access.dtype).toSorted(), [
    "bfloat16",
    "bfloat16",
    "float32",
  ]);
  assert.ok(program.outputs.every(({ buffer }) => program.buffers[buffer]!.kind === "input"));
});

test("fuse: jit on a device that fuses gives the bits of one that does not, step by step", () => {
  registerDevice("reference that fuses", () => ({ ...referenceBackend(), fuses: true }));
  const run = (device: string): Tensor[] => {
    const on = (values: number[], shape: number[]) => tensor(values, { shape, device });
    const jitted = jit(step, { donate: [0, 1] });
    let params = { w: on([1, -2, 3, 0, 5, 1e-30], [2, 3]), b: on([0.5, -0, 2e20], [3]) };
    let state: unknown = optimizer.init(params);
    for (let i = 0; i < 4; i++) {
      const gradient = { w: on([i, -1, 1e-20, 0, 7, i * i], [2, 3]), b: on([1, 0, -1e19], [3]) };
      [params, state] = jitted(params, state, gradient) as [typeof params, unknown];
    }
    return treeLeaves([params, state]) as Tensor[];
  };
  const expected = run("reference");
  run("reference that fuses").forEach((x, i) => assertSameBits(x, expected[i]!, `leaf ${i}`));
});
