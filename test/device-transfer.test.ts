import assert from "node:assert/strict";
import test from "node:test";
import {
  add,
  cast,
  DeviceError,
  deviceGet,
  devicePut,
  DonatedError,
  DTypeError,
  full,
  grad,
  jit,
  key,
  mul,
  normal,
  sum,
  type Tensor,
  tensor,
  TracedValueError,
  TreeError,
  zeros,
  zerosLike,
} from "../mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { asynchronousBackend } from "./support/asynchronous-backend.ts";
import type { Equal, Expect } from "./types/expect.ts";

let devices = 0;

/** A device that is read asynchronously, knows no float64, and counts. */
function gpu() {
  const device = `transfer ${devices++}`;
  const { backend, counts } = asynchronousBackend();
  registerDevice(device, () => backend);
  return { device, counts };
}

test("devicePut: moves a tree there and back, in one reading", async () => {
  const { device, counts } = gpu();
  const params = {
    w: tensor([[1, 2], [3, 4]]),
    count: tensor(3, { dtype: "int32" }),
    rest: [tensor([1.5, -2], { dtype: "bfloat16" }), tensor([true, false]), null] as const,
  };
  const there = await devicePut(params, device);
  for (const x of [there.w, there.count, there.rest[0], there.rest[1]]) {
    assert.equal(x.device, device);
  }
  const back = await devicePut(there, "cpu");
  assert.equal(counts.readbacks, 1);
  assert.deepEqual(back.w.toArray(), [[1, 2], [3, 4]]);
  assert.equal(back.count.item(), 3);
  assert.deepEqual([back.rest[0].dtype, back.rest[0].toArray()], ["bfloat16", [1.5, -2]]);
  assert.deepEqual([back.rest[1].dtype, back.rest[1].toArray()], ["bool", [true, false]]);
  assert.equal(back.rest[2], null);
});

test("devicePut: what is there already stays the same tensor, and what shares memory still does", async () => {
  const { device, counts } = gpu();
  const x = tensor([1], { device });
  const y = tensor([2]);
  const [a, b, c] = await devicePut([x, y, y], device);
  assert.equal(a, x);
  assert.equal(b!.content, c!.content);
  assert.equal(counts.alive.size, 2);
});

test("devicePut: numbers, booleans and typed arrays become tensors", async () => {
  const { device } = gpu();
  const there = await devicePut({ x: new Float32Array([1, 2]), n: 3, yes: true }, device);
  type _ = Expect<Equal<typeof there, { x: Tensor; n: Tensor; yes: Tensor }>>;
  const { x, n, yes } = await deviceGet(there);
  assert.deepEqual([x, n, yes].map((data) => Array.from(data!)), [[1, 2], [3], [1]]);
  assert.deepEqual([there.x.device, there.n.device], [device, device]);
});

test("devicePut: refuses by path what it cannot move, before anything is moved", async () => {
  const { device, counts } = gpu();
  const cases: [unknown, string, new (...args: never[]) => Error, RegExp][] = [
    [{ a: [tensor([1]), "text"] }, device, TreeError, /\.a\[1\] is "text"/],
    [
      { w: tensor([1], { dtype: "float64" }) },
      device,
      DTypeError,
      /^devicePut: \.w is float64\[1\], but device transfer \d+ has no float64; it has bool, int32, /,
    ],
    [tensor([1]), "abacus", DeviceError, /^devicePut: unknown device "abacus"/],
  ];
  for (const [tree, to, kind, message] of cases) {
    await assert.rejects(devicePut(tree, to), (error: Error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  const donated = tensor([1]);
  jit((x: Tensor) => mul(x, 2), { donate: [0] })(donated);
  await assert.rejects(devicePut([donated], device), DonatedError);
  let moved: Promise<unknown> | undefined;
  grad((x: Tensor) => {
    moved = devicePut(x, device);
    return sum(x);
  })(tensor([1]));
  await assert.rejects(moved!, TracedValueError);
  assert.equal(counts.alive.size, 0);
});

test("deviceGet: reads all tensors of a tree at once and leaves the rest", async () => {
  const { device, counts } = gpu();
  const tree = {
    loss: full([], 0.5, { device }),
    step: 3,
    w: [zeros([2], { device }), tensor([1])],
  };
  const got = await deviceGet(tree);
  assert.equal(counts.readbacks, 1);
  assert.deepEqual(got, {
    loss: new Float32Array([0.5]),
    step: 3,
    w: [new Float32Array(2), new Float32Array([1])],
  });
});

test("asynchronous device: what needs an answer at once says what to do instead", async () => {
  const { device } = gpu();
  const x = full([], 2, { device });
  for (const read of ["dataSync", "item", "toArray"] as const) {
    assert.throws(() => x[read](), (error: Error) => {
      assert.ok(error instanceof DeviceError);
      assert.match(
        error.message,
        new RegExp(`^${read}: device ${device} .*await tensor.data\\(\\)`),
      );
      return true;
    });
  }
  // Printing never fails.
  assert.equal(String(x), `Tensor float32[] on ${device}`);
  assert.deepEqual(Array.from(await x.data()), [2]);
  assert.equal(await x.number(), 2);
  assert.deepEqual(await zeros([1, 2], { device, dtype: "bool" }).array(), [[false, false]]);
  assert.deepEqual(await tensor([1.5], { device, dtype: "bfloat16" }).array(), [1.5]);
  await assert.rejects(zeros([2], { device }).number(), /^ShapeError: number: a tensor of shape/);
});

test("asynchronous device: a read sees what was there when it was asked for", async () => {
  const { device } = gpu();
  const step = jit((x: Tensor) => mul(x, 2), { donate: [0] });
  const x = tensor([1, 2], { device });
  const before = x.array();
  const after = step(x).array();
  assert.deepEqual([await before, await after], [[1, 2], [2, 4]]);
});

test("asynchronous device: constants need no folding to be right", async () => {
  const { device } = gpu();
  const f = (x: Tensor) => add(mul(x, mul(tensor(2), 3)), sum(tensor([1, 2])));
  assert.deepEqual(await jit(f)(tensor([1, 2], { device })).array(), [9, 15]);
});

test("dtypes: a device refuses those that it does not have, by name", () => {
  const { device } = gpu();
  const x = tensor([1], { device });
  const has = `device ${device} has no float64; it has bool, int32, uint32, bfloat16, float32`;
  const cases: [string, () => unknown][] = [
    ["tensor", () => tensor([1], { device, dtype: "float64" })],
    ["tensor", () => tensor(1, { device, dtype: "float64" })],
    ["tensor", () => tensor(new Float64Array(2), { device })],
    ["zeros", () => zeros([1], { device, dtype: "float64" })],
    ["zerosLike", () => zerosLike(x, { dtype: "float64" })],
    ["cast", () => cast(x, "float64")],
    ["add", () => add(x, tensor(1, { dtype: "float64" }))],
    ["normal", () => normal(key(0, { device }), [1], { dtype: "float64" })],
    ["jit: cast gives float64, but", () => jit((x: Tensor) => cast(x, "float64"))(x)],
    [
      "jit: cast gives float64, but",
      () => jit((x: Tensor) => cast(cast(x, "float64"), "float32"))(x),
    ],
    ["jit", () => jit((x: Tensor, y: Tensor) => [x, y])(x, tensor(1, { dtype: "float64" }))],
  ];
  for (const [name, f] of cases) {
    assert.throws(f, (error: Error) => {
      assert.ok(error instanceof DTypeError);
      assert.equal(error.message, `${name}${name.includes(":") ? "" : ":"} ${has}`);
      return true;
    });
  }
});
