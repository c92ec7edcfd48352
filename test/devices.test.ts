import assert from "node:assert/strict";
import test from "node:test";
import {
  add,
  concat,
  DeviceError,
  grad,
  jit,
  jvp,
  key,
  mul,
  normal,
  oneHot,
  randint,
  s3,
  splitKeys,
  sum,
  take,
  type Tensor,
  tensor,
  vmap,
} from "../mod.ts";

// "reference" is never the default device: what is made on the way must follow the operands there.
const device = "reference";
const integers = { dtype: "int32", device } as const;

test("devices: randomness stays on the device of the key", () => {
  const [a, b] = splitKeys(key(3, { device }), 2);
  assert.equal(normal(a, [4]).device, device);
  assert.equal(randint(b, [4], 0, 10).device, device);
  assert.deepEqual(normal(a, [4]).toArray(), normal(splitKeys(key(3), 2)[0], [4]).toArray());
});

test("devices: oneHot and take follow their operands", () => {
  const indices = tensor([1, 0], integers);
  assert.deepEqual(oneHot(indices, 2).toArray(), [[0, 1], [1, 0]]);
  assert.equal(oneHot(indices, 2).device, device);
  const rows = tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], { device });
  const taken = vmap((x: Tensor, i: Tensor) => take(x, i))(rows, indices);
  assert.deepEqual([taken.toArray(), taken.device], [[[3, 4], [5, 6]], device]);
});

test("devices: derivatives follow their operands, under vmap too", () => {
  const x = tensor([1, 2], { device });
  const square = (v: Tensor) => sum(mul(v, v));
  assert.deepEqual([grad(square)(x).toArray(), grad(square)(x).device], [[2, 4], device]);
  const both = vmap(grad(square))(tensor([[1, 2], [3, 4]], { device }));
  assert.deepEqual([both.toArray(), both.device], [[[2, 4], [6, 8]], device]);
  const [, tangent] = jvp((v: Tensor) => concat([v, x]), [x], [x]);
  assert.deepEqual([tangent.toArray(), tangent.device], [[1, 2, 0, 0], device]);
});

test("devices: a jitted optimizer step runs where its parameters are", () => {
  const optimizer = s3({ learningRate: 0.1 });
  const params = tensor([1, 2], { device });
  const step = jit((p: Tensor, s: ReturnType<typeof optimizer.init<Tensor>>) =>
    optimizer.update(p, s, p)[0]
  );
  assert.equal(step(params, optimizer.init(params)).device, device);
});

test("devices: operands on different devices and unknown devices are refused", () => {
  assert.throws(() => add(tensor([1], { device }), tensor([1])), (error: Error) => {
    assert.ok(error instanceof DeviceError);
    assert.match(error.message, /reference and cpu|cpu and reference/);
    return true;
  });
  assert.throws(() => tensor([1], { device: "abacus" }), DeviceError);
  assert.equal(add(tensor([1], { device }), tensor(2)).device, device);
});
