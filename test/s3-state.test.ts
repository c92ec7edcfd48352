import assert from "node:assert/strict";
import test from "node:test";
import { s3, scaleByS3, tensor, zeros } from "../mod.ts";
import { machines } from "./support/run-s3.ts";
import { testState } from "./support/s3-state.ts";

for (const machine of machines) testState(machine);

test("s3: the state takes the dtype of each parameter", () => {
  const params = { a: zeros([2]), b: zeros([3], { dtype: "float64" }) };
  const { m, r } = scaleByS3().init(params);
  assert.deepEqual([m.a.dtype, m.b.dtype, r.a.dtype, r.b.dtype], [
    "float32",
    "float64",
    "float32",
    "float64",
  ]);
  assert.deepEqual([m.b.shape, r.a.shape], [[3], [2]]);
  const [u] = scaleByS3().update(params, { m, r });
  assert.deepEqual([u.a.dtype, u.b.dtype], ["float32", "float64"]);
});

test("s3: without weight decay the update needs no parameters, with it they are asked for", () => {
  const g = tensor([1]);
  const free = s3({ learningRate: 1 });
  free.update(g, free.init(g));
  const decaying = s3({ learningRate: 1, weightDecay: 0.1 });
  assert.throws(() => decaying.update(g, decaying.init(g)), {
    name: "OptionError",
    message: /params are missing.*update\(updates, state, params\)/,
  });
});
