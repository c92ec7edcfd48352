import assert from "node:assert/strict";
import { test } from "node:test";
import { joinEqual } from "../backends/webgpu/join-shaders.ts";
import { loopShader } from "../backends/webgpu/loop-shader.ts";
import type { ShaderLimits } from "../backends/webgpu/shader.ts";
import { add, jit, mul, profile, type Tensor, tensor } from "../mod.ts";
import type { Loop } from "../src/backend/loop.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { gpuBackend } from "./support/gpu-backend.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { usualLimits } from "./support/shader-limits.ts";

const options = { skip: await skipWithoutGpu() };

const limits: ShaderLimits = { ...usualLimits, buffers: 7 };

/** `to = from * scale`, with a number of its own or of all. */
function scaled(from: number, to: number, scale: number, size = 300) {
  const access = (buffer: number, stride: number) =>
    ({ buffer, dtype: "float32", offset: 0, strides: [stride] }) as const;
  const loop: Loop = {
    extents: [size],
    reduced: 0,
    statements: [
      { kind: "load", access: access(from, 1), dtype: "float32" },
      { kind: "load", access: access(scale, 0), dtype: "float32" },
      { kind: "apply", op: "mul", params: {}, args: [0, 1], dtype: "float32" },
    ],
    stores: [{ statement: 2, access: access(to, 1) }],
  };
  return loopShader(loop, limits)!;
}

/** The kernels of each dispatch. */
function joinedKernels(shaders: readonly ReturnType<typeof scaled>[]): (readonly number[])[] {
  const each = shaders.map((shader, kernel) => ({ kernels: [kernel], shader }));
  return joinEqual(each, limits).map(({ kernels }) => kernels);
}

test("webgpu join: equal passes are joined as far as their buffers go, what they share counting once", () => {
  const shared = [1, 3, 5, 7].map((from) => scaled(from, from + 1, 0));
  assert.deepEqual(joinedKernels(shared), [[0, 1, 2], [3]]);
  const own = [0, 3, 6].map((from) => scaled(from, from + 1, from + 2));
  assert.deepEqual(joinedKernels(own), [[0, 1], [2]]);
});

test("webgpu join: what depends on what comes before, or is another pass, stays apart", () => {
  assert.deepEqual(joinedKernels([scaled(1, 2, 0), scaled(2, 3, 0)]), [[0], [1]]);
  assert.deepEqual(joinedKernels([scaled(1, 2, 0), scaled(3, 1, 0)]), [[0], [1]]);
  assert.deepEqual(joinedKernels([scaled(1, 2, 0), scaled(3, 2, 0)]), [[0], [1]]);
  assert.deepEqual(joinedKernels([scaled(1, 2, 0), scaled(3, 4, 0, 304)]), [[0], [1]]);
});

test("webgpu join: many leaves are updated by few dispatches", options, async () => {
  const backend = await gpuBackend();
  registerDevice("webgpu-join", () => backend);
  const device = "webgpu-join";
  const leaves = Array.from(
    { length: 40 },
    (_, leaf) => tensor(Float32Array.from({ length: 300 }, (_, i) => leaf * 1000 + i), { device }),
  );
  const rate = tensor([0.5], { device });
  const step = jit(
    (params: readonly Tensor[], rate: Tensor) => params.map((leaf) => add(leaf, mul(leaf, rate))),
    { donate: [0] },
  );
  const { kernels } = await profile(step, leaves, rate);
  assert.equal(kernels.length, 40);
  const before = backend.statistics().dispatches;
  const results = step(leaves, rate);
  assert.ok(backend.statistics().dispatches - before <= 10);
  const data = await Promise.all(results.map((leaf) => leaf.data()));
  data.forEach((values, leaf) =>
    assert.deepEqual([...values], Array.from({ length: 300 }, (_, i) => 1.5 * (leaf * 1000 + i)))
  );
});
