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
  DeviceError,
  explain,
  type GradientTransformation,
  jit,
  matmul,
  ones,
  s3,
  softmax,
  type StateKind,
  type Tensor,
  tensor,
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

test("webgpu windows: what cannot be cut is refused", options, async () => {
  registerDevice("webgpu-small", await backendBinding(2 ** 16).then((each) => () => each));
  const device = "webgpu-small";
  const long = zeros([16, 20000], { device });
  assert.throws(() => jit((x: Tensor) => softmax(x))(long), DeviceError);
  const wide = zeros([100, 200], { device });
  assert.equal((await wide.add(1).data())[19999], 1);
  assert.throws(
    () => matmul(wide, zeros([200, 2], { device })),
    (error: Error) =>
      error instanceof DeviceError && /\(dot, .*80000 bytes.*at most 65536/.test(error.message),
  );
});
