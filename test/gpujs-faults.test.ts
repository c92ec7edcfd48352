/**
 * Faults of gpu.js and of the drivers behind it, each beside what guards against it: on the same input the kernel that
 * one would write at first, compiled by gpu.js as it is, is wrong, and ours is right. Where a later gpu.js mends a fault
 * the test fails and says so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gpujsKernel, type GpujsMode } from "../backends/gpujs/mod.ts";
import { add, device, explain, jit, type Tensor, tensor } from "../mod.ts";
import type { Kernel } from "../src/backend/program.ts";
import type { Statement } from "../src/backend/loop.ts";
import type { TypedArray } from "../src/core/dtype.ts";
import { stridesOf, type TensorSpec } from "../src/core/shape.ts";
import { kernelProgram, type PrimitiveCase } from "./support/gpu-backend.ts";
import { gpujsFor, isSubnormal, modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import { faults, type Place } from "./support/gpujs-faults.ts";
import { compute } from "./support/gpujs-loops.ts";
import { apply, literal, load } from "./support/loop-statements.ts";
import { type Elements, elements, fromArray, toArray } from "./support/run-kernel.ts";
import { access, ulpsBetween } from "./support/run-loop.ts";
import { gpu, runOnGpu } from "./support/webgpu-kernel.ts";

/** A kernel as it stands, by gpu.js. */
async function plainly(
  mode: GpujsMode,
  source: string,
  inputs: readonly Elements[],
  output: TensorSpec,
  numbers: readonly number[] = [],
): Promise<number[]> {
  const backend = await gpujsFor(mode);
  const run = gpujsKernel(backend, { source, inputs, output, numbers });
  const buffers = inputs.map((input) => backend.upload(toArray(input)));
  const result = run(buffers);
  const values = fromArray(output.dtype, await backend.download(result, output.dtype));
  [...buffers, result].forEach((each) => backend.free(each));
  return values;
}

/** A primitive by our backend, and who ran it. */
async function guarded(
  mode: GpujsMode,
  each: PrimitiveCase,
): Promise<{ values: number[]; way: string }> {
  const [result] = await runProgramsOn(mode, [kernelProgram(each)]);
  return { values: result!.values[0]!, way: result!.ways[0]! };
}

/** What a plain kernel makes of an array, and what a loop of ours does that loads from it. */
async function both(
  mode: GpujsMode,
  x: Float32Array,
  size: number,
  plain: string,
  loop: { readonly extents: readonly number[]; readonly load: Statement },
): Promise<{ plain: TypedArray; ours: TypedArray }> {
  const backend = await gpujsFor(mode);
  const input: TensorSpec = { shape: [x.length], dtype: "float32" };
  const output: TensorSpec = { shape: [size], dtype: "float32" };
  const source = `function kernel(xs) { ${plain} }`;
  const executable = backend.compile({
    kernels: [{
      op: "loop",
      loop: {
        extents: loop.extents,
        reduced: 0,
        statements: [loop.load],
        stores: [{ statement: 0, access: access(1, stridesOf(loop.extents)) }],
      },
    }],
    arenaBytes: 0,
    buffers: [
      { kind: "input", input: 0, byteLength: 4 * x.length },
      { kind: "fresh", byteLength: 4 * size },
    ],
    inputs: [input],
    outputs: [{ buffer: 1, spec: output }],
  });
  assert.deepEqual(executable.ways, ["gpu.js"]);
  const buffer = backend.upload(x);
  const results = [
    gpujsKernel(backend, { source, inputs: [input], output })([buffer]),
    ...executable.run([buffer]),
  ];
  const values = await Promise.all(results.map((each) => backend.download(each, "float32")));
  [buffer, ...results].forEach((each) => backend.free(each));
  return { plain: values[0]!, ours: values[1]! };
}

/** Units in the last place of float32 between two numbers. The sign of zero is not promised, nor subnormals. */
function errorOf(actual: number, wanted: number): number {
  if (actual === wanted || (isSubnormal(wanted) && Math.abs(actual) <= 2 ** -126)) return 0;
  return ulpsBetween("float32", actual, wanted);
}

/** The drivers whose faults are known; of another one nothing is said but that ours is right. */
async function placesOf(mode: GpujsMode): Promise<Place[]> {
  if (mode !== "webgpu" || await skipped(mode) !== false) return [mode];
  const { description } = await gpu();
  if (/llvmpipe \(LLVM 15\./.test(description)) return [mode, "llvmpipe"];
  return /SwiftShader driver 5\./.test(description) ? [mode, "SwiftShader"] : [mode];
}

for (const mode of modes) {
  const options = { skip: await skipped(mode) };
  const places = await placesOf(mode);
  const mended = (guard: string): string =>
    `gpu.js computes the plain kernel right on ${places.join(", ")}: ${guard} is not needed there`;

  for (const fault of faults) {
    const { title, guard, plain, dtype = "float32", right, within = 0, wrong } = fault;
    test(`gpujs ${mode}: ${title}; guarded by ${guard}`, options, async () => {
      const size = fault.inputs[0]!.length;
      const inputs = fault.inputs.map((values) =>
        elements(dtype, [size], dtype === "float32" ? values.map(Math.fround) : values)
      );
      const names = ["x", "y", "z"].slice(0, inputs.length);
      const { dtype: result } = fault.guarded.at(-1)!;
      const output = { shape: [size], dtype: result === "bool" ? "float32" : result } as const;
      const wanted = Array.from({ length: size }, (_, i) => {
        const [x = 0, y = 0, z = 0] = inputs.map(({ values }) => values[i]!);
        const value = right(x, y, z);
        return output.dtype === "float32" ? Math.fround(value) : value;
      });
      const loads = names.map((name) => `const ${name} = ${name}s[this.thread.x];`).join(" ");
      const values = await plainly(
        mode,
        `function kernel(${names.map((name) => `${name}s`)}) { ${loads} return ${plain}; }`,
        inputs,
        output,
      );
      const errors = values.map((value, i) => errorOf(value, wanted[i]!));
      for (const place of places) {
        const least = wrong[place];
        if (least === undefined) continue;
        const told = `${mended(guard)} (${plain} is ${values}, within ${Math.max(...errors)})`;
        assert.ok(errors.some((error) => error > least), told);
      }
      const ours = await compute(mode, inputs, fault.guarded);
      ours.values.forEach((value, i) => {
        const at = inputs.map(({ values }) => values[i]!);
        assert.ok(errorOf(value, wanted[i]!) <= within, `${value} at ${at}; expected ${wanted[i]}`);
      });
      if (fault.isElsewhere !== true) assert.equal(ours.way, "gpu.js");
    });
  }

  test(
    `gpujs ${mode}: loops with bounds that are no constants stop after 1,000 turns`,
    options,
    async () => {
      const x = elements("float32", [1500], new Array(1500).fill(1));
      const scalar = { shape: [], dtype: "float32" } as const;
      const [plain] = await plainly(
        mode,
        `function kernel(xs, count) {
        let t = 0;
        for (let i = 0; i < count; i++) { t = t + xs[i]; }
        return t;
      }`,
        [x],
        scalar,
        [1500],
      );
      assert.equal(plain, 1000, mended("the constant bounds of loop-kernels.ts"));
      const sum = {
        op: "reduceSum",
        params: { axes: [0] },
        operands: [x],
        output: scalar,
      } as const;
      assert.deepEqual(await guarded(mode, sum), { values: [1500], way: "gpu.js" });
    },
  );

  test(`gpujs ${mode}: a sum of many terms is off`, options, async () => {
    const terms = 60_000;
    const x = elements("float32", [terms], new Array(terms).fill(Math.fround(0.1)));
    const output = { shape: [], dtype: "float32" } as const;
    const wanted = terms * Math.fround(0.1);
    const [plain] = await plainly(
      mode,
      `function kernel(xs) {
        let t = 0;
        for (let i = 0; i < ${terms}; i++) { t = t + xs[i]; }
        return t;
      }`,
      [x],
      output,
    );
    // Mode "cpu" sums in float64.
    if (mode !== "cpu") {
      assert.ok(Math.abs(plain! - wanted) > 0.1, mended("the blocks of loop-kernels.ts"));
    }
    const ours = await guarded(mode, {
      op: "reduceSum",
      params: { axes: [0] },
      operands: [x],
      output,
    });
    assert.ok(Math.abs(ours.values[0]! - wanted) < 0.02, `${ours.values}`);
    assert.equal(ours.way, "gpu.js");
  });

  test(`gpujs ${mode}: an index that has a name is a float`, options, async () => {
    const [count, stride] = [17, 2 ** 20 + 1];
    const x = Float32Array.from({ length: count * stride }, (_, i) => i % 4093);
    const wanted = Array.from({ length: count }, (_, i) => (i * stride + 1) % 4093);
    const { plain, ours } = await both(
      mode,
      x,
      count,
      `const at = this.thread.x * ${stride} + 1; return xs[at];`,
      { extents: [count], load: load(0, [stride], 1) },
    );
    // Mode "cpu" counts in float64.
    if (mode !== "cpu") assert.notDeepEqual([...plain], wanted, mended("indexText of grid.ts"));
    assert.deepEqual([...ours], wanted);
  });

  test(`gpujs ${mode}: indices are divided as floats`, options, async () => {
    const [rows, columns] = [4099, 4099];
    assert.ok(rows * columns > 2 ** 24);
    const x = Float32Array.from({ length: rows }, (_, row) => row);
    const isWrong = (values: TypedArray): boolean =>
      values.some((value, i) => value !== Math.floor(i / columns));
    const { plain, ours } = await both(
      mode,
      x,
      rows * columns,
      `return xs[Math.floor(this.thread.x / ${columns})];`,
      { extents: [rows, columns], load: load(0, [1, 0]) },
    );
    if (mode !== "cpu") assert.ok(isWrong(plain), mended("gridOf of grid.ts"));
    assert.ok(!isWrong(ours));
  });

  test(`gpujs ${mode}: NaN has no name, and there is no erf`, options, async () => {
    const x = elements("float32", [3], [0.5, -2, NaN]);
    for (const [text, guard] of [["NaN", "writer.ts"], ["Math.erf(xs[this.thread.x])", "erfOf"]]) {
      const source = `function kernel(xs) { return ${text}; }`;
      await assert.rejects(() => plainly(mode, source, [x], x), Error, mended(guard!));
    }
    assert.deepEqual((await compute(mode, [x], [literal(NaN)])).values, [NaN, NaN, NaN]);
    const { values, way } = await compute(mode, [x], [apply("erf", [0])]);
    const wanted = [0.5204998778130465, -0.9953222650189527, NaN].map(Math.fround);
    values.forEach((value, i) => assert.ok(errorOf(value, wanted[i]!) <= 5, `${value}`));
    assert.equal(way, "gpu.js");
  });
}

const skip = await skipped("webgpu");

test("gpujs webgpu: loops of too many turns are left early", { skip }, async () => {
  const terms = 70_000;
  const last = elements(
    "float32",
    [terms],
    Array.from({ length: terms }, (_, i) => Number(i === terms - 1)),
  );
  const plain = await plainly(
    "webgpu",
    `function kernel(xs) {
      let best = 0;
      for (let i = 0; i < ${terms}; i++) { if (xs[i] > xs[best]) { best = i; } }
      return best;
    }`,
    [last],
    { shape: [], dtype: "float32" },
  );
  if ((await placesOf("webgpu")).includes("llvmpipe")) {
    assert.deepEqual(plain, [0], "turns of KernelLimits is not needed");
  }
  const params = { axis: 0 };
  const output = { shape: [], dtype: "int32" } as const;
  const ours = await guarded("webgpu", { op: "argMax", params, operands: [last], output });
  assert.deepEqual(ours.values, [terms - 1]);
});

test("gpujs webgpu: a kernel may read so many arrays and no more", { skip }, async () => {
  const { device: shared } = await gpu();
  const backend = await gpujsFor("webgpu");
  const most = shared.limits.maxStorageBuffersPerShaderStage;
  const names = Array.from({ length: most }, (_, i) => `a${i}`);
  const spec = { shape: [2], dtype: "float32" } as const;
  // One for each array, and one for the result.
  shared.pushErrorScope("validation");
  const run = gpujsKernel(backend, {
    source: `function kernel(${names}) {
      return ${names.map((name) => `${name}[this.thread.x]`).join(" + ")};
    }`,
    inputs: names.map(() => spec),
    output: spec,
  });
  const buffers = names.map(() => backend.upload(Float32Array.of(1, 2)));
  buffers.push(run(buffers));
  const error = await shared.popErrorScope();
  buffers.forEach((each) => backend.free(each));
  assert.ok(error !== null, "what the compiler knows of buffersPerLoop is not needed");

  const on = await device("gpu", { compiler: "gpujs", mode: "webgpu", required: true });
  const total = jit((all: readonly Tensor[]) => all.reduce((sum, each) => add(sum, each)));
  const tensors = [...names, "one", "two"].map((_, i) => tensor([i, 1], { device: on }));
  const sum = tensors.length * (tensors.length - 1) / 2;
  assert.deepEqual([...await total(tensors).data()], [sum, tensors.length]);
  const { kernels } = explain(total, tensors);
  assert.ok(kernels.length > 1 && kernels.every(({ runs }) => runs?.startsWith("gpu.js")));
});

test("gpujs webgpu: large uint32 are not rounded to the nearest float32", { skip }, async () => {
  const values = [4294967167, 3000000129, 2 ** 31 + 129, 2 ** 32 - 1, 5];
  const x = elements("uint32", [values.length], values);
  const wanted = values.map(Math.fround);
  const cast: PrimitiveCase = {
    op: "cast",
    params: { dtype: "float32" },
    operands: [x],
    output: { shape: x.shape, dtype: "float32" },
  };
  const { kernels: [kernel] } = kernelProgram(cast).program;
  const code = `
@group(0) @binding(0) var<storage, read> xs : array<u32>;
@group(0) @binding(1) var<storage, read_write> result : array<f32>;
@compute @workgroup_size(${values.length}) fn main(@builtin(local_invocation_index) i : u32) {
  result[i] = f32(xs[i]);
}`;
  const bindings = [{ buffer: 0, writes: false }, { buffer: 1, writes: true }];
  const shader = { code, bindings, workgroups: [1, 1, 1], label: "cast" } as const;
  const [plain] = await runOnGpu(
    [{ kernel: kernel as Kernel, inputs: [toArray(x)] }],
    () => ({ shaders: [shader], buffers: [] }),
  );
  if ((await placesOf("webgpu")).includes("SwiftShader")) {
    assert.notDeepEqual([...plain!], wanted, "the halves of numberOf are not needed");
  }
  assert.deepEqual(await guarded("webgpu", cast), { values: wanted, way: "gpu.js" });
});
