import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { accessesOf, prepareLoop } from "../backends/reference/loop.ts";
import { cutInWindows } from "../backends/webgpu/loop-windows.ts";
import { type WebgpuBackend, webgpuBackend } from "../backends/webgpu/mod.ts";
import type { ShaderLimits } from "../backends/webgpu/shader.ts";
import {
  adamw,
  applyUpdates,
  argMax,
  conv2d,
  cumSum,
  DeviceError,
  explain,
  grad,
  type GradientTransformation,
  jit,
  matmul,
  mul,
  ones,
  s3,
  softmax,
  type StateKind,
  sum,
  take,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "../mod.ts";
import type { TypedArray } from "../src/core/dtype.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { exactLoops, type LoopCase } from "./support/exact-loops.ts";
import { exactSweeps } from "./support/exact-sweeps.ts";
import { fromArray, toArray } from "./support/run-kernel.ts";
import { gpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

const alignment = 256;

/** The GPU as if it bound no more than so many bytes at once. */
async function backendBinding(bindingBytes: number): Promise<WebgpuBackend> {
  const opened = await gpu();
  const limits = { ...opened.limits, bindingBytes, bindingAlignment: alignment };
  return webgpuBackend({ ...opened, limits });
}

function assertPieces(cases: fc.Arbitrary<LoopCase>): void {
  const limits = { bindingBytes: 2 * alignment, bindingAlignment: alignment } as ShaderLimits;
  let cut = 0;
  fc.assert(
    fc.property(cases, ({ loop, buffers }) => {
      const lengthOf = (buffer: number) => 4 * buffers[buffer]!.values.length;
      const pieces = cutInWindows(loop, lengthOf, limits);
      if (pieces === undefined) return;
      if (pieces.length > 1) cut++;
      // In elements of four bytes, whatever the host's arrays have.
      const whole = buffers.map(toArray);
      prepareLoop(loop)(accessesOf(loop).map(({ buffer }) => whole[buffer]!));
      const parts = buffers.map(toArray);
      for (const piece of pieces) {
        const seen = parts.map((array, buffer) => {
          const window = piece.windows.get(buffer);
          if (window === undefined) return array;
          assert.equal(window.byteOffset % alignment, 0);
          assert.ok(window.byteLength <= limits.bindingBytes);
          const first = window.byteOffset / 4;
          return array.subarray(first, first + window.byteLength / 4);
        });
        prepareLoop(piece.loop)(accessesOf(piece.loop).map(({ buffer }) => seen[buffer]!));
      }
      buffers.forEach(({ dtype }, i) =>
        assert.deepEqual(fromArray(dtype, parts[i]!), fromArray(dtype, whole[i]!))
      );
    }),
    { numRuns: 500 },
  );
  assert.ok(cut > 5, `${cut} nests were cut`);
}

test("webgpu windows: random nests in pieces give what the interpreter gives in one", () => {
  assertPieces(exactLoops);
  assertPieces(exactSweeps);
});

/** An optimizer's first step, over its parameters. */
function firstStep<Kind extends StateKind>(optimizer: GradientTransformation<Kind>) {
  return jit((params: Tensor, gradient: Tensor) => {
    const [updates] = optimizer.update(gradient, optimizer.init(params), params);
    return applyUpdates(params, updates);
  }, { donate: [0] });
}

test(
  "webgpu windows: a step over more than a binding",
  options,
  async () => {
    registerDevice("webgpu-narrow", await backendBinding(2 ** 16).then((each) => () => each));
    registerDevice("webgpu-wide", await backendBinding(2 ** 27).then((each) => () => each));
    const [size, learningRate] = [70001, 0.1];
    const values = Float32Array.from({ length: size }, (_, i) => (i * 7919 % 1000 - 500) / 500);
    for (const step of [firstStep(s3({ learningRate })), firstStep(adamw({ learningRate }))]) {
      const results: TypedArray[] = [];
      for (const device of ["webgpu-narrow", "webgpu-wide"]) {
        const [params, gradient] = [ones([size], { device }), tensor(values, { device })];
        if (device === "webgpu-narrow") {
          const { kernels } = explain(step, params, gradient);
          assert.match(kernels.map(({ runs }) => runs).join(), /\d times 256 threads/);
        }
        results.push(await step(params, gradient).data());
      }
      const [narrow, wide] = results;
      for (let i = 0; i < size; i++) {
        assert.ok(Math.abs(narrow![i]! - wide![i]!) <= 1e-6, `${i}: ${narrow![i]} ${wide![i]}`);
      }
      assert.ok(wide!.some((value) => value !== 1));
    }
  },
);

test("webgpu windows: a loop that sweeps is cut between rows", options, async () => {
  registerDevice("webgpu-rows", await backendBinding(2 ** 14).then((each) => () => each));
  registerDevice("webgpu-all", await backendBinding(2 ** 27).then((each) => () => each));
  const shape = [70, 300];
  const values = Float32Array.from({ length: 70 * 300 }, (_, i) => (i * 7919 % 1000 - 500) / 100);
  const results: TypedArray[] = [];
  for (const device of ["webgpu-rows", "webgpu-all"]) {
    const x = tensor(values, { shape, device });
    const f = jit((x: Tensor) => softmax(x), { donate: [0] });
    const [kernel, ...others] = explain(f, x).kernels;
    assert.deepEqual([kernel!.sweeps, others.length], [3, 0]);
    assert.equal(/ times /.test(kernel!.runs!), device === "webgpu-rows", kernel!.runs);
    results.push(await f(x).data());
  }
  assert.deepEqual(results[0], results[1]);
});

test("webgpu windows: other kernels are cut between rows", options, async () => {
  registerDevice("webgpu-parts", await backendBinding(2 ** 12).then((each) => () => each));
  registerDevice("webgpu-whole", await backendBinding(2 ** 27).then((each) => () => each));
  const values = (size: number) => Float32Array.from({ length: size }, (_, i) => i * 7919 % 17 - 8);
  const indices = Int32Array.from({ length: 300 }, (_, i) => i * 7919 % 25 - 1);
  const picture = [9, 8, 8, 3];
  const timesTransposed = jit((x: Tensor, y: Tensor) => matmul(x, transpose(y)));
  const cases: [string, (device: string) => Tensor][] = [
    ["rows", (device) => matmul(of([90, 20], device), of([20, 24], device))],
    ["rows of the right", (device) => timesTransposed(of([5], device), of([1501, 5], device))],
    ["batches", (device) => matmul(of([7, 16, 16], device), of([7, 16, 12], device))],
    ["sums", (device) => cumSum(of([31, 80], device), 1)],
    ["sums of columns", (device) => cumSum(of([31, 16, 5], device), 1)],
    ["largest", (device) => argMax(of([200, 10], device), 1)],
    ["rows of a table", (device) => take(of([24, 8], device), picks(device, 300), 0)],
    ["columns of tables", (device) => take(of([50, 24], device), picks(device, 32), 1)],
    ["gradient of columns", (device) => {
      const f = (x: Tensor) => sum(mul(take(x, picks(device, 32), 1), of([50, 32], device)));
      return jit(grad(f))(of([50, 24], device));
    }],
    ["examples", (device) => conv2d(of(picture, device), of([3, 3, 3, 8], device))],
  ];
  const of = (shape: number[], device: string) =>
    tensor(values(shape.reduce((a, b) => a * b, 1)), { shape, device });
  const picks = (device: string, count: number) => tensor(indices.subarray(0, count), { device });
  for (const [name, compute] of cases) {
    const [parts, whole] = [compute("webgpu-parts"), compute("webgpu-whole")];
    assert.deepEqual(parts.shape, whole.shape);
    assert.deepEqual(await parts.data(), await whole.data(), name);
  }
  const product = jit((x: Tensor, y: Tensor) => matmul(x, y));
  const { kernels } = explain(product, of([90, 20], "webgpu-parts"), of([20, 24], "webgpu-parts"));
  assert.match(kernels[0]!.runs!, /times/);
});

test("webgpu windows: what cannot be cut is refused", options, async () => {
  registerDevice("webgpu-small", await backendBinding(2 ** 16).then((each) => () => each));
  const device = "webgpu-small";
  const long = zeros([16, 20000], { device });
  assert.throws(() => jit((x: Tensor) => softmax(x))(long), DeviceError);
  const wide = zeros([100, 200], { device });
  assert.equal((await wide.add(1).data())[19999], 1);
  // A sum along all rows, a table, and a running sum of one row.
  const narrow = zeros([100, 2], { device });
  const refused: [string, () => Tensor][] = [
    ["dot", () => jit((x: Tensor, y: Tensor) => matmul(transpose(x), y))(wide, narrow)],
    ["gather", () => take(wide, tensor([1, 2], { dtype: "int32", device }), 0)],
    ["cumSum", () => cumSum(wide.reshape([20000]), 0)],
    ["argMax", () => argMax(wide, 0)],
  ];
  for (const [op, call] of refused) {
    assert.throws(
      call,
      (error: Error) =>
        error instanceof DeviceError &&
        new RegExp(`\\(${op}, .*80000 bytes.*at most 65536.*split the tensor`).test(error.message),
    );
  }
});
