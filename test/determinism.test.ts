/** A training run gives the same bits in Deno, Bun and Node, and for any number of threads. Browsers: page.test.ts. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { describeDevice, matmul, zeros } from "../mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { bitsCases } from "./support/trained-bits.ts";

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

for (const [name, { run, expected }] of Object.entries(bitsCases)) {
  for (const threads of [1, 2, 3, 4]) {
    test(`determinism: 50 steps with ${name}, ${threads} thread(s): the same bits everywhere`, () => {
      const { losses, bits } = run(deviceWith(threads));
      assert.ok(losses.every(Number.isFinite), `losses ${losses}`);
      assert.ok(losses.at(-1)! < 0.9 * losses[0]!, `it learns: ${losses[0]} to ${losses.at(-1)}`);
      assert.equal(createHash("sha256").update(bits).digest("hex").slice(0, 16), expected);
    });
  }
}
