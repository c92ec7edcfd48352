import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  describeDevice,
  DeviceError,
  DonatedError,
  explain,
  gelu,
  grad,
  jit,
  type KernelExplanation,
  matmul,
  OptionError,
  profile,
  s3,
  softmax,
  sum,
  type Tensor,
  TracedValueError,
  type Tree,
  treeLeaves,
  vmap,
  warmupCosineDecaySchedule,
  zeros,
} from "../mod.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { asynchronousBackend } from "./support/asynchronous-backend.ts";

const device = "cpu";
const made = (...shape: number[]) => zeros(shape, { device });

const optimizer = chain(
  clipByGlobalNorm(1),
  s3({
    learningRate: warmupCosineDecaySchedule({
      initValue: 0,
      peakValue: 0.1,
      warmupSteps: 3,
      decaySteps: 20,
    }),
    weightDecay: 0.1,
  }),
);

/** What an optimizer step over parameters like these becomes, donated as in training. */
function explainStep<P extends Tree>(params: P) {
  const step = jit((params: P, state: ReturnType<typeof optimizer.init<P>>, gradient: P) => {
    const [updates, next] = optimizer.update(gradient, state, params);
    return [applyUpdates(params, updates), next];
  }, { donate: [0, 1] });
  return explain(step, params, optimizer.init(params), params);
}

const sizeOf = (kernel: KernelExplanation) => kernel.extents.reduce((size, n) => size * n, 1);

/** Passes that touch whole arrays, not just numbers. */
const overArrays = (kernels: readonly KernelExplanation[]) =>
  kernels.filter((kernel) => sizeOf(kernel) > 1);

test("explain: an S3 step over one leaf is one reduction pass and one pass that moves seven arrays", () => {
  const size = 300 * 70;
  const { kernels, freshBytes } = explainStep(made(300, 70));
  const [norm, update, ...others] = overArrays(kernels);
  assert.deepEqual(others, []);
  assert.deepEqual([norm!.op, norm!.bytesRead, sizeOf(norm!)], ["reduce", 4 * size, size]);
  assert.ok(norm!.bytesWritten <= 16);
  assert.deepEqual([update!.op, update!.bytesWritten], ["map", 3 * 4 * size]);
  const numbers = update!.bytesRead - 4 * 4 * size;
  assert.ok(numbers >= 0 && numbers <= 16, `${numbers} bytes of numbers`);
  assert.equal(freshBytes, 0);
});

test("explain: an S3 step over four leaves is one reduction pass and one pass of seven arrays a leaf", () => {
  const params = { a: made(300, 70), b: made(70), c: [made(64, 64), made(5, 6, 7)] };
  const sizes = treeLeaves(params).map((leaf) => leaf.shape.reduce((size, n) => size * n, 1));
  const { kernels, freshBytes, arenaBytes } = explainStep(params);
  const passes = overArrays(kernels);
  const reductions = passes.filter(({ op }) => op === "reduce");
  assert.deepEqual(reductions.map(sizeOf).toSorted(), sizes.toSorted());
  for (const pass of reductions) assert.ok(pass.bytesRead <= 4 * sizeOf(pass) + 16);
  const updates = passes.filter(({ op }) => op === "map");
  assert.deepEqual(updates.map(sizeOf).toSorted(), sizes.toSorted());
  for (const { bytesRead, bytesWritten, ...pass } of updates) {
    const array = 4 * sizeOf({ bytesRead, bytesWritten, ...pass });
    assert.equal(bytesWritten, 3 * array);
    assert.ok(bytesRead >= 4 * array && bytesRead <= 4 * array + 16);
  }
  assert.equal(passes.length, 8);
  assert.ok(kernels.length <= 10, `${kernels.length} kernels`);
  assert.equal(freshBytes, 0);
  assert.ok(arenaBytes <= 64 * 32, `${arenaBytes} bytes for numbers`);
});

test("explain: gelu of an affine map is one loop", () => {
  const layer = jit((x: Tensor, scale: Tensor, offset: Tensor) => gelu(add(x.mul(scale), offset)));
  const { kernels, bytesRead, bytesWritten, arenaBytes, freshBytes } = explain(
    layer,
    made(100, 30),
    made(30),
    made(30),
  );
  assert.deepEqual(kernels.map(({ op, extents, loads, stores }) => [op, extents, loads, stores]), [
    ["map", [100, 30], 3, 1],
  ]);
  assert.deepEqual([bytesRead, bytesWritten], [4 * (3000 + 30 + 30), 4 * 3000]);
  assert.deepEqual([arenaBytes, freshBytes], [0, 4 * 3000]);
});

test("explain: softmax is one pass that reads and writes each row once, in three sweeps", () => {
  const explanation = explain(jit((x: Tensor) => softmax(x)), made(100, 30));
  const [pass, ...others] = explanation.kernels;
  assert.deepEqual(others, []);
  assert.deepEqual([pass!.sweeps, pass!.loads, pass!.stores], [3, 1, 1]);
  assert.deepEqual([pass!.bytesRead, pass!.bytesWritten], [12_000, 12_000]);
  assert.match(String(explanation), /reduce {2}\[100 \| 3 x 30\]/);
});

test("explain: neither runs nor donates, and what it traced serves the call", () => {
  let traced = 0;
  const f = jit((x: Tensor) => {
    traced++;
    return x.mul(2);
  }, { donate: [0] });
  const x = zeros([3]).add(1);
  explain(f, x);
  explain(f, x);
  assert.deepEqual(f(x).toArray(), [2, 2, 2]);
  assert.equal(traced, 1);
  // A description needs no memory.
  assert.equal(explain(f, x).kernels.length, 1);
  explain(f, zeros([4]));
  assert.equal(traced, 2);
});

test("explain: reads well, with how kernels run where the backend says so", () => {
  registerDevice("talkative", () => {
    const backend = referenceBackend();
    return {
      ...backend,
      fuses: true,
      describe: () => "talkative, 2 threads",
      compile: (program) => ({
        ...backend.compile(program),
        ways: program.kernels.map(({ op }) => op === "loop" ? "generated" : "BLAS"),
      }),
    };
  });
  const on = (...shape: number[]) => zeros(shape, { device: "talkative" });
  const model = (x: Tensor, w: Tensor, b: Tensor) => sum(gelu(add(matmul(x, w), b)), { axis: 1 });
  const expected = `
model on talkative (talkative, 2 threads): 2 kernels from 8 instructions, 8 when simplified
        over        computes               arrays     read  written  flops  runs
------  ----------  ---------------------  ------  -------  -------  -----  ---------
dot     [100 30]    dot                     2 > 1  10.4 kB    12 kB  120 k  BLAS
reduce  [100 | 30]  add mul erf reduceSum   2 > 1  12.1 kB    400 B   21 k  generated
total                                              22.5 kB  12.4 kB  141 k
12 kB for intermediate values, kept; 400 B for results, allocated by each call`;
  assert.equal(`\n${explain(jit(model), on(100, 20), on(20, 30), on(30))}`, expected);
});

test("explain: an empty program, and values of every size, read well", () => {
  const text = (...shape: number[]) =>
    String(explain(jit((x: Tensor) => x.mul(2)), made(...shape)));
  assert.match(text(0), /1 kernel from 1 instruction, 1 when simplified/);
  assert.match(text(0), /^total +0 B +0 B +0$/m);
  assert.match(text(250), /1 kB/);
  assert.match(text(30_000), /120 kB/);
  assert.match(text(1_234_567), /4\.94 MB/);
});

test("describeDevice: says what runs, and refuses unknown devices", () => {
  assert.equal(describeDevice("reference"), "reference");
  assert.match(describeDevice("cpu"), /^wasm/);
  assert.equal(describeDevice(), explain(jit((x: Tensor) => x.mul(2)), zeros([3])).backend);
  assert.throws(() => describeDevice("abacus"), DeviceError);
});

test("explain: refuses what jit did not make, and calls inside transformations", () => {
  const plain = (x: Tensor) => x.mul(2);
  assert.throws(() => explain(plain, zeros([1])), (error: Error) => {
    assert.ok(error instanceof OptionError);
    assert.match(error.message, /^explain: plain was not made by jit/);
    return true;
  });
  assert.throws(() => explain(undefined as never), OptionError);
  const jitted = jit(plain);
  const inside = (x: Tensor) => {
    explain(jitted, x);
    return sum(x);
  };
  for (const f of [jit(inside), grad(inside), vmap(inside)]) {
    assert.throws(() => f(zeros([2])), TracedValueError);
  }
});

test("profile: runs on copies of what is donated, and gives back all that it took", async () => {
  const { backend, counts } = asynchronousBackend();
  registerDevice("with-clock", () => ({
    ...backend,
    compile(program) {
      const executable = backend.compile(program);
      return {
        ...executable,
        profile: (inputs) =>
          Promise.resolve({
            outputs: executable.run(inputs),
            nanoseconds: program.kernels.map((_, i) => 1500 * (i + 1)),
          }),
      };
    },
  }));
  const on = { device: "with-clock" };
  const step = jit((w: Tensor, g: Tensor) => add(w, g.mul(2)), { donate: [0] });
  const [w, g] = [zeros([6], on), zeros([6], on).add(1)];
  await g.data();
  const alive = counts.alive.size;
  const explanation = await profile(step, w, g);
  assert.deepEqual(explanation.kernels.map(({ nanoseconds }) => nanoseconds), [1500, 3000]);
  assert.match(String(explanation), /^total .* 4\.5 us/m);
  assert.equal(counts.alive.size, alive);
  assert.deepEqual(await w.array(), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(await step(w, g).array(), [2, 2, 2, 2, 2, 2]);
  await assert.rejects(profile(step, w, g), DonatedError);
});

test("profile: a device without a clock gives the explanation, without times", async () => {
  const layer = jit((x: Tensor) => gelu(x));
  const { kernels, ...rest } = await profile(layer, made(10));
  assert.deepEqual(kernels.map(({ nanoseconds }) => nanoseconds), [undefined]);
  assert.equal(rest.toString(), String(explain(layer, made(10))));
  await assert.rejects(profile((x: Tensor) => x, made(10)), OptionError);
});
