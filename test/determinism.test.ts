/** A training run gives the same bits in Deno, Bun and Node, and for any number of threads. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  describeDevice,
  type GradientTransformation,
  matmul,
  s3,
  type StateKind,
  treeLeaves,
  warmupCosineDecaySchedule,
  zeros,
} from "../mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { trainer, transformer } from "./support/training.ts";

const learningRate = warmupCosineDecaySchedule({
  initValue: 0,
  peakValue: 0.01,
  warmupSteps: 5,
  decaySteps: 50,
});

/** SHA-256 of the parameters' bits after 50 steps, in the order of the tree's leaves. */
function digestOfRun<Kind extends StateKind>(
  device: string,
  optimizer: GradientTransformation<Kind>,
): string {
  const { step, params } = trainer(transformer(device), optimizer);
  const losses = Array.from({ length: 50 }, () => step().item());
  assert.ok(losses.every(Number.isFinite), `losses ${losses}`);
  assert.ok(losses.at(-1)! < 0.9 * losses[0]!, `it learns: ${losses[0]} to ${losses.at(-1)}`);
  const hash = createHash("sha256");
  for (const leaf of treeLeaves(params())) {
    const { buffer, byteOffset, byteLength } = leaf.dataSync();
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}

const started = new Set<string>();

/** A device with this many threads, all at work: they start when there is enough to do. */
function deviceWith(threads: number): string {
  const device = `wasm of ${threads}`;
  if (started.has(device)) return device;
  started.add(device);
  registerDevice(device, () => wasmBackend({ prepare, threads }));
  assert.match(describeDevice(device), threads === 1 ? /^wasm, one/ : RegExp(`^wasm, ${threads} `));
  const x = zeros([512, 512], { device });
  const until = performance.now() + (threads === 1 ? 0 : 400);
  while (performance.now() < until) matmul(x, x);
  return device;
}

// A digest changes with whatever changes the order or the rounding of arithmetic: kernels, fusion, optimizers, models.
const s3Optimizer = chain(clipByGlobalNorm(1), s3({ learningRate, weightDecay: 0.01 }));
const adamwOptimizer = adamw({ learningRate, weightDecay: 0.01 });
const runs = {
  S3: { run: (device: string) => digestOfRun(device, s3Optimizer), expected: "735eb0d68e5c22ab" },
  AdamW: {
    run: (device: string) => digestOfRun(device, adamwOptimizer),
    expected: "1524a321c0c3bdf8",
  },
};

for (const [name, { run, expected }] of Object.entries(runs)) {
  for (const threads of [1, 2, 3, 4]) {
    test(`determinism: 50 steps with ${name}, ${threads} thread(s): the same bits everywhere`, () => {
      assert.equal(run(deviceWith(threads)), expected);
    });
  }
}
