import assert from "node:assert/strict";
import { test } from "node:test";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import {
  add,
  applyUpdates,
  gelu,
  grad,
  jit,
  key,
  matmul,
  mean,
  normal,
  s3,
  splitKeys,
  square,
  sub,
  type Tensor,
  treeLeaves,
} from "../mod.ts";
import { registerDevice } from "../src/backend/registry.ts";

for (const threads of [1, 2, 3, 4]) {
  registerDevice(`wasm ${threads}`, () => wasmBackend({ prepare, threads }));
}

/** Layers of a network, large enough to be shared. */
function train(device: string): Tensor[] {
  const [k1, k2, k3, k4] = splitKeys(key(7, { device }), 4);
  const x = normal(k1, [96, 192]);
  const y = normal(k2, [96, 64]);
  let params = { first: normal(k3, [192, 320]), second: normal(k4, [320, 64]) };
  const loss = ({ first, second }: typeof params) =>
    mean(square(sub(matmul(gelu(add(matmul(x, first), 0.5)), second), y)));
  const optimizer = s3({ learningRate: 1e-2, weightDecay: 0.1 });
  const step = jit((params: { first: Tensor; second: Tensor }, state: unknown) => {
    const [updates, next] = optimizer.update(grad(loss)(params), state as never, params);
    return [applyUpdates(params, updates), next] as const;
  }, { donate: [0, 1] });
  let state: unknown = optimizer.init(params);
  for (let i = 0; i < 60; i++) [params, state] = step(params, state) as [typeof params, unknown];
  return treeLeaves([params, state]) as Tensor[];
}

test("wasm: training has the same bits for any number of threads", () => {
  const expected = train("wasm 1").map((leaf) => leaf.dataSync());
  for (const threads of [2, 3, 4]) {
    const leaves = train(`wasm ${threads}`).map((leaf) => leaf.dataSync());
    assert.deepEqual(leaves, expected, `${threads} threads`);
  }
});
