import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  applyUpdates,
  chain,
  clipByGlobalNorm,
  DeviceError,
  jit,
  memoryStatistics,
  s3,
  type Tensor,
  tensor,
  treeLeaves,
  warmupCosineDecaySchedule,
} from "../mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import type { Backend } from "../src/backend/backend.ts";
import { registerDevice } from "../src/backend/registry.ts";
import type { Storage } from "../src/tensor/storage.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { network, trainer } from "./support/training.ts";

/** How many buffers a backend has made, and how long they are together. */
interface Made {
  buffers: number;
  bytes: number;
}

/** A backend that counts the buffers that it makes: uploads, and results that are no input written in place. */
function counting(backend: Backend, made: Made): Backend {
  const note = (byteLength: number) => {
    made.buffers++;
    made.bytes += byteLength;
  };
  return {
    ...backend,
    upload(data) {
      note(data.byteLength);
      return backend.upload(data);
    },
    compile(program) {
      const executable = backend.compile(program);
      return {
        run(inputs) {
          const outputs = executable.run(inputs);
          for (const output of outputs) if (!inputs.includes(output)) note(output.byteLength);
          return outputs;
        },
      };
    },
  };
}

const learningRate = warmupCosineDecaySchedule({
  initValue: 0,
  peakValue: 0.01,
  warmupSteps: 10,
  decaySteps: 1000,
});
const direction = s3({ learningRate, weightDecay: 0.01 });
const optimizer = chain(clipByGlobalNorm(1), direction);

for (
  const [name, make, widths] of [
    // The wider one has weights that live in the heap.
    ["wasm", () => wasmBackend({ prepare }), [16, 1200]],
    ["reference", referenceBackend, [16]],
  ] as const
) {
  for (const width of widths) {
    test(`memory: 1,000 donated steps on ${name}, ${width} wide, allocate the losses and nothing else`, () => {
      const device = `${name} that counts`;
      const made = { buffers: 0, bytes: 0 };
      registerDevice(device, () => counting(make(), made));
      const { step } = trainer(network(device, width), optimizer);
      // What is read again and again moves into the heap.
      for (let i = 0; i < 100; i++) step().item();
      const [before, statistics] = [{ ...made }, memoryStatistics(device)];
      for (let i = 0; i < 1000; i++) step();
      assert.equal(made.buffers - before.buffers, 1000);
      assert.equal(made.bytes - before.bytes, 4 * 1000);
      assert.deepEqual(memoryStatistics(device), statistics);
      assert.equal(statistics === undefined, name === "reference");
      assert.ok(Number.isFinite(step().item()));
    });
  }
}

test("memory: 1,000 donated steps over 200 tensors allocate nothing, and write where they read", () => {
  const device = "wasm that counts";
  const made = { buffers: 0, bytes: 0 };
  registerDevice(device, () => counting(wasmBackend({ prepare }), made));
  const leaves = (seed: number) =>
    Array.from(
      { length: 200 },
      (_, i) => tensor(fillSeeded("float32", [1 + 7 * i], seed + i), { device }),
    );
  let params = leaves(1);
  let state = direction.init(params);
  const step = jit((params: Tensor[], before: typeof state, gradient: Tensor[]) => {
    const [updates, next] = direction.update(gradient, before, params);
    return [applyUpdates(params, updates), next] as const;
  }, { donate: [0, 1] });
  const gradient = leaves(1000);
  const buffersOf = () =>
    (treeLeaves([params, state]) as Tensor[]).map(({ content }) => (content as Storage).buffer!);
  for (let i = 0; i < 100; i++) [params, state] = step(params, state, gradient);
  const [before, statistics, buffers] = [{ ...made }, memoryStatistics(device)!, buffersOf()];
  for (let i = 0; i < 1000; i++) [params, state] = step(params, state, gradient);
  assert.deepEqual(made, before);
  assert.deepEqual(memoryStatistics(device), statistics);
  assert.ok(buffersOf().every((buffer) => buffers.includes(buffer)));
  // All of it lies in the heap, where nothing is copied.
  const bytes = gradient.reduce((sum, { size }) => sum + 4 * size, 0);
  assert.ok(statistics.tensors >= 4 * bytes, `${statistics.tensors} bytes`);
  assert.ok(params.every((param) => param.dataSync().every(Number.isFinite)));
});

test("memory: statistics say what tensors take, and unknown devices are refused", () => {
  const device = "wasm to measure";
  registerDevice(device, () => wasmBackend({ prepare }));
  const before = memoryStatistics(device)!;
  const x = tensor(new Float32Array(2 ** 18), { device });
  const after = memoryStatistics(device)!;
  assert.equal(after.tensors - before.tensors, 2 ** 20);
  assert.equal(after.used - before.used, 2 ** 20);
  assert.ok(after.heap >= after.used && after.used >= after.tensors);
  assert.equal(x.device, device);
  assert.equal(memoryStatistics("reference"), undefined);
  assert.throws(() => memoryStatistics("abacus"), DeviceError);
});

/** How many bytes a process of this runtime takes at most, and by how many it grows after a quarter of its turns. */
function sizeOfProcess(
  work: "train" | "eager",
  device: string,
  turns: number,
): { peak: number; growth: number } {
  const file = fileURLToPath(new URL("./support/memory-process.ts", import.meta.url));
  const argv = process.versions["deno"] === undefined
    ? process.execArgv
    : ["run", "--quiet", "--no-check", "--no-prompt", "--allow-env", "--allow-sys"];
  const child = spawnSync(process.execPath, [...argv, file, work, device, `${turns}`], {
    encoding: "utf8",
    timeout: 240_000,
  });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout);
}

const MiB = 2 ** 20;

for (const [device, operations] of [["cpu", 20_000], ["reference", 4000]] as const) {
  test(`memory: a process stays as large as it is over 10,000 steps on ${device}`, () => {
    const { growth } = sizeOfProcess("train", device, 13_334);
    assert.ok(growth < 64 * MiB, `${growth / MiB} MiB more`);
  });

  test(`memory: ${operations} operations on 1 MiB that never wait do not fill it on ${device}`, () => {
    // Garbage is due to the collector, who takes his time: Bun's lets 2 GiB gather beside the heap of "cpu".
    const { peak, growth } = sizeOfProcess("eager", device, operations);
    assert.ok(peak < 3584 * MiB, `${peak / MiB} MiB`);
    assert.ok(growth < 512 * MiB, `${growth / MiB} MiB more`);
  });
}
