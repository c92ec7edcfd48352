import assert from "node:assert/strict";
import { test } from "node:test";
import { type WebgpuBackend, webgpuBackend } from "../backends/webgpu/mod.ts";
import { full, jit, mul, profile, sub, type Tensor } from "../mod.ts";
import { openGpu } from "../backends/webgpu/runtime.ts";
import type { BufferPlan, Program } from "../src/backend/program.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { DeviceError, DTypeError } from "../src/core/errors.ts";
import type { TensorSpec } from "../src/core/shape.ts";
import { gpuBackend } from "./support/gpu-backend.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

/** x + y over x, which is donated, and their product in fresh memory. */
function stepProgram(size: number): Program {
  const spec: TensorSpec = { shape: [size], dtype: "float32" };
  const byteLength = 4 * size;
  const buffers: BufferPlan[] = [
    { kind: "input", input: 0, byteLength },
    { kind: "input", input: 1, byteLength },
    { kind: "arena", byteOffset: 0, byteLength },
    { kind: "fresh", byteLength },
  ];
  const operand = (buffer: number) => ({ buffer, spec });
  const none = {};
  return {
    buffers,
    kernels: [
      { op: "mul", params: none, operands: [operand(0), operand(1)], output: operand(2) },
      { op: "neg", params: none, operands: [operand(2)], output: operand(3) },
      { op: "add", params: none, operands: [operand(0), operand(1)], output: operand(0) },
    ],
    inputs: [spec, spec],
    outputs: [operand(0), operand(3)],
    arenaBytes: byteLength,
  };
}

const own = async (): Promise<WebgpuBackend> => webgpuBackend(await openGpu("test"));

test(
  "webgpu backend: a program is one submit, and writes a donated input in place",
  options,
  async () => {
    const backend = await gpuBackend();
    const executable = backend.compile(stepProgram(5));
    const [x, y] = [Float32Array.of(1, 2, 3, 4, 5), Float32Array.of(10, 20, 30, 40, 50)]
      .map(backend.upload);
    const before = backend.statistics();
    const [sum, product] = executable.run([x!, y!]);
    const after = backend.statistics();
    assert.equal(after.submits - before.submits, 1);
    assert.equal(after.dispatches - before.dispatches, 3);
    assert.equal(sum, x);
    assert.deepEqual(
      await Promise.all([sum!, product!, y!].map((buffer) => backend.download(buffer, "float32"))),
      [
        Float32Array.of(11, 22, 33, 44, 55),
        Float32Array.of(-10, -40, -90, -160, -250),
        Float32Array.of(10, 20, 30, 40, 50),
      ],
    );
    assert.equal(executable.ways!.length, 3);
  },
);

test("webgpu backend: downloads of one turn are one submit", options, async () => {
  const backend = await gpuBackend();
  const buffers = [1, 2, 3, 4].map((value) => backend.upload(Int32Array.of(value, -value)));
  const { submits } = backend.statistics();
  const read = await Promise.all(buffers.map((buffer) => backend.download(buffer, "int32")));
  assert.equal(backend.statistics().submits - submits, 1);
  assert.deepEqual(read.map((array) => array[1]), [-1, -2, -3, -4]);
});

test("webgpu backend: a download shows what was there when it was asked for", options, async () => {
  const backend = await gpuBackend();
  const executable = backend.compile(stepProgram(3));
  const [x, y] = [Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1)].map(backend.upload);
  const first = backend.download(x!, "float32");
  executable.run([x!, y!]);
  const second = backend.download(x!, "float32");
  const freed = backend.download(y!, "float32");
  backend.free(y!);
  backend.upload(Float32Array.of(7, 7, 7));
  assert.deepEqual(await Promise.all([first, second, freed]), [
    Float32Array.of(1, 2, 3),
    Float32Array.of(2, 3, 4),
    Float32Array.of(1, 1, 1),
  ]);
});

test(
  "webgpu backend: bool, bfloat16 and empty tensors come back as they were",
  options,
  async () => {
    const backend = await gpuBackend();
    const bools = Uint8Array.of(1, 0, 1, 1, 0);
    const halves = Uint16Array.of(0x3f80, 0x8000, 0x7fc0, 0xff80, 1);
    assert.deepEqual(await backend.download(backend.upload(bools), "bool"), bools);
    assert.deepEqual(await backend.download(backend.upload(halves), "bfloat16"), halves);
    const empty = new Float32Array(0);
    assert.deepEqual(await backend.download(backend.upload(empty), "float32"), empty);
  },
);

test("webgpu backend: memory does not grow over 1,000 steps that donate", options, async () => {
  const backend = await own();
  const executable = backend.compile(stepProgram(1000));
  let x = backend.upload(new Float32Array(1000).fill(1));
  const y = backend.upload(new Float32Array(1000).fill(2));
  let settled: number | undefined;
  for (let i = 0; i < 1000; i++) {
    const [next, product] = executable.run([x, y]);
    x = next as typeof x;
    backend.free(product!);
    if (i === 10) settled = backend.memory!().heap;
  }
  const { heap, used, tensors } = backend.memory!();
  assert.equal(heap, settled);
  assert.equal(tensors, 2 * 4096);
  assert.ok(used <= heap);
  assert.equal((await backend.download(x, "float32"))[999], 2001);
});

test(
  "webgpu backend: memory that was given back is used again, and not to be used any more",
  options,
  async () => {
    const backend = await own();
    const first = backend.upload(new Float32Array(100));
    const { buffer } = first;
    backend.free(first);
    assert.equal(backend.upload(new Float32Array(90)).buffer, buffer);
    assert.throws(() => backend.free(first), DeviceError);
    await assert.rejects(backend.download(first, "float32"), /given back/);
  },
);

test(
  "webgpu backend: refuses float64, memory of other devices, and buffers that are too large",
  options,
  async () => {
    const backend = await gpuBackend();
    assert.throws(() => backend.upload(Float64Array.of(1)), DTypeError);
    const spec: TensorSpec = { shape: [1], dtype: "float64" };
    const program: Program = {
      buffers: [{ kind: "fresh", byteLength: 8 }],
      kernels: [{
        op: "full",
        params: { shape: [1], dtype: "float64", value: 1 },
        operands: [],
        output: { buffer: 0, spec },
      }],
      inputs: [],
      outputs: [{ buffer: 0, spec }],
      arenaBytes: 0,
    };
    assert.throws(() => backend.compile(program), DTypeError);
    await assert.rejects(backend.download({ byteLength: 4 }, "float32"), /another device/);
    assert.throws(() => backend.allocate(2 ** 40), /larger than a buffer of this adapter/);
  },
);

test(
  "webgpu backend: what the device refuses is reported by the next download, and by calls after it",
  options,
  async () => {
    const backend = await own();
    const buffer = backend.upload(Float32Array.of(1));
    const module = backend.device.createShaderModule({ code: "this is no WGSL" });
    backend.device.createComputePipeline({ layout: "auto", compute: { module } });
    await assert.rejects(
      backend.download(buffer, "float32"),
      (error) => error instanceof DeviceError && /refused/.test(error.message),
    );
    assert.throws(() => backend.upload(Float32Array.of(1)), DeviceError);
    assert.ok(backend.hasFailed());
  },
);

test(
  "webgpu backend: a lost device rejects downloads that wait, and all calls after it",
  options,
  async () => {
    const backend = await own();
    const executable = backend.compile(stepProgram(3));
    const [x, y] = [Float32Array.of(1, 2, 3), Float32Array.of(1, 1, 1)].map(backend.upload);
    const waiting = backend.download(x!, "float32");
    backend.device.destroy();
    await assert.rejects(
      waiting,
      (error) => error instanceof DeviceError && /lost/.test(error.message),
    );
    assert.throws(() => executable.run([x!, y!]), /lost/);
    assert.throws(() => backend.upload(Float32Array.of(1)), /lost/);
    await assert.rejects(backend.download(x!, "float32"), /lost/);
  },
);

test("webgpu backend: says what runs", options, async () => {
  const backend = await gpuBackend();
  assert.match(backend.describe!(), /^webgpu: ./);
  assert.ok(backend.buffersPerLoop! >= 8);
  assert.equal(backend.bytesPerElement!("bool"), 4);
  assert.ok(!backend.dtypes.includes("float64"));
});

test("webgpu backend: kernels are timed where the adapter has a clock", options, async (t) => {
  const backend = await gpuBackend();
  const executable = backend.compile(stepProgram(100000));
  if (executable.profile === undefined) return t.skip("the adapter has no timestamps");
  const [x, y] = [1, 2].map((value) => backend.upload(new Float32Array(100000).fill(value)));
  const { outputs, nanoseconds } = await executable.profile([x!, y!]);
  assert.equal(nanoseconds.length, 3);
  assert.ok(nanoseconds.every((each) => each >= 0));
  assert.equal((await backend.download(outputs[0]!, "float32"))[99999], 3);
});

test("profile: an optimizer's kernels are timed, and nothing is donated", options, async (t) => {
  const backend = await gpuBackend();
  registerDevice("webgpu-profile", () => backend);
  const step = jit((w: Tensor, g: Tensor) => sub(w, mul(g, 0.5)), { donate: [0] });
  const [w, g] = [1, 2].map((value) => full([5000], value, { device: "webgpu-profile" }));
  const { kernels } = await profile(step, w!, g!);
  assert.equal(kernels.length, 1);
  const { nanoseconds } = kernels[0]!;
  if (nanoseconds === undefined) return t.skip("the adapter has no timestamps");
  assert.ok(nanoseconds >= 0);
  assert.equal((await step(w!, g!).data())[4999], 0);
});

test(
  "webgpu backend: what nobody holds is given back without being asked for",
  options,
  async () => {
    const backend = await own();
    // Of a GPU's memory an engine knows nothing by itself, and so would collect nothing.
    for (let i = 0; i < 1000; i++) {
      backend.allocate(2 ** 22);
      if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const { heap } = backend.memory!();
    assert.ok(heap < 2 ** 31, `${heap} bytes of 4 GiB are still there`);
  },
);
