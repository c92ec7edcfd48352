import assert from "node:assert/strict";
import { test } from "node:test";
import { adamw, applyUpdates, full, jit, s3, type Tensor, zeros } from "../mod.ts";
import type { GpujsBackend, GpujsMode } from "../backends/gpujs/mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { gpujsFor, modes, skipped } from "./support/gpujs.ts";
import { network, trainer } from "./support/training.ts";

const deviceOf = (mode: GpujsMode): string => `gpujs-test-${mode}`;

async function register(mode: GpujsMode): Promise<GpujsBackend> {
  const backend = await gpujsFor(mode);
  registerDevice(deviceOf(mode), () => backend);
  return backend;
}

/** Trains on the device and on the reference, and compares what the loss comes to. */
async function check(
  mode: GpujsMode,
  start: (device: string) => { step(): Tensor },
): Promise<void> {
  await register(mode);
  const steps = mode === "webgpu" ? 30 : 200;
  const losses: number[] = [];
  for (const each of [deviceOf(mode), "reference"]) {
    const training = start(each);
    let loss: Tensor;
    for (let i = 0; i < steps; i++) loss = training.step();
    losses.push((await loss!.data())[0]!);
  }
  const [actual, expected] = losses as [number, number];
  assert.ok(Math.abs(actual - expected) <= 0.01 * expected, `${actual}, expected ${expected}`);
}

for (const mode of modes) {
  const options = { skip: await skipped(mode) };
  const device = deviceOf(mode);

  test(
    `gpujs ${mode}: S3 trains as on the CPU`,
    options,
    () => check(mode, (each) => trainer(network(each), s3({ learningRate: 0.01 }))),
  );

  test(
    `gpujs ${mode}: AdamW trains as on the CPU`,
    options,
    () => check(mode, (each) => trainer(network(each), adamw({ learningRate: 0.01 }))),
  );

  test(`gpujs ${mode}: 1,000 steps of S3 hold as many handles as one`, options, async () => {
    const backend = await register(mode);
    const optimizer = s3({ learningRate: 0.01 });
    const step = jit(
      (
        params: Tensor[],
        state: ReturnType<typeof optimizer.init<Tensor[]>>,
        gradients: Tensor[],
      ) => {
        const [updates, next] = optimizer.update(gradients, state, params);
        return [applyUpdates(params, updates), next] as const;
      },
      { donate: [0, 1] },
    );
    let params = [zeros([3, 5], { device }), zeros([7], { device })];
    let state = optimizer.init(params);
    const gradients = [full([3, 5], 0.5, { device }), full([7], -0.25, { device })];
    // Handles, and bytes of the memory behind them.
    const alive = () => [backend.liveHandles(), backend.memory!().used] as const;
    let [handles, bytes] = [Infinity, Infinity];
    for (let i = 0; i < 1000; i++) {
      [params, state] = step(params, state, gradients);
      const [handlesNow, bytesNow] = alive();
      if (i === 2) [handles, bytes] = [handlesNow, bytesNow];
      assert.ok(
        handlesNow <= handles,
        `${handles} handles after 3 steps, ${handlesNow} after ${i}`,
      );
      assert.ok(bytesNow <= bytes, `${bytes} bytes after 3 steps, ${bytesNow} after ${i}`);
      // Lets a device keep up, and the collector tell of what died before.
      if (i % 100 === 99) await params[0]!.data();
    }
    // Gradients of one sign move every parameter by the learning rate a step.
    const [last] = await params[0]!.data();
    assert.ok(last! < -9.5 && last! > -10.1, `${last}`);
  });

  test(`gpujs ${mode}: what is given back is not alive, and cannot be used`, options, async () => {
    const backend = await gpujsFor(mode);
    const buffer = backend.upload(new Float32Array([1, 2]));
    const before = backend.liveHandles();
    backend.free(buffer);
    assert.equal(backend.liveHandles(), before - 1);
    await assert.rejects(backend.download(buffer, "float32"), /given back/);
    assert.throws(() => backend.free(buffer), /given back/);
  });
}
