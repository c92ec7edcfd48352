import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  cast,
  exp,
  grad,
  jit,
  jvp,
  key,
  matmul,
  max,
  mean,
  mul,
  normal,
  OptionError,
  ShapeError,
  sin,
  split,
  stack,
  sum,
  take,
  type Tensor,
  tensor,
  TracedValueError,
  transpose,
  TreeError,
  vmap,
  where,
  zeros,
} from "../mod.ts";
import { assertClose, assertSameBits, elementsOf, uniformTensor } from "./support/tensors.ts";

const rows = uniformTensor([4, 3], 1);
const row = (i: number) => take(rows, tensor(i, { dtype: "int32" }));

test("vmap: trees in, trees out, axes anywhere", () => {
  const f = ({ a, b }: { a: Tensor; b: Tensor }, c: Tensor) => ({
    dot: sum(mul(a, b)),
    rest: [add(c, a)],
  });
  const tree = { a: transpose(rows), b: transpose(rows) };
  const c = uniformTensor([3], 2);
  const result = vmap(f, { inAxes: [1, null], outAxes: -1 })(tree, c);
  assert.deepEqual(result.dot.shape, [4]);
  assert.deepEqual(result.rest[0]!.shape, [3, 4]);
  const expected = [0, 1, 2, 3].map((i) => f({ a: row(i), b: row(i) }, c));
  assertSameBits(result.dot, stack(expected.map(({ dot }) => dot)));
  assertSameBits(result.rest[0]!, stack(expected.map(({ rest }) => rest[0]!), 1));
});

test("vmap: a result that does not depend on the batch is repeated", () => {
  const c = tensor([7, 8]);
  assert.deepEqual(vmap((_x: Tensor) => c)(zeros([2])).toArray(), [[7, 8], [7, 8]]);
  assert.deepEqual(vmap((_x: Tensor) => c, { outAxes: 1 })(zeros([3])).shape, [2, 3]);
});

test("vmap: per-example gradients, and the gradient of a batch", () => {
  const w = uniformTensor([3], 3);
  const loss = (w: Tensor, x: Tensor) => sum(sin(mul(w, x)));
  const perExample = vmap(grad(loss), { inAxes: [null, 0] })(w, rows);
  assertSameBits(perExample, stack([0, 1, 2, 3].map((i) => grad(loss)(w, row(i)))));
  const total = grad((w: Tensor) => sum(vmap((x: Tensor) => loss(w, x))(rows)))(w);
  assertClose(elementsOf(total), elementsOf(sum(perExample, { axis: 0 })), 1e-14);
  const [, tangents] = jvp(vmap((x: Tensor) => loss(w, x)), [rows], [rows]);
  assertClose(
    elementsOf(tangents),
    [0, 1, 2, 3].map((i) => jvp((x: Tensor) => loss(w, x), [row(i)], [row(i)])[1].item()),
    1e-14,
  );
});

test("vmap: vmap in vmap, and closures over the outer batch", () => {
  const table = vmap((x: Tensor) => vmap((y: Tensor) => mul(add(x, y), x))(tensor([10, 20])))(
    tensor([1, 2]),
  );
  assert.deepEqual(table.toArray(), [[11, 21], [24, 44]]);
});

test("vmap: with jit inside and outside", () => {
  const f = (x: Tensor) => sum(exp(x));
  const expected = vmap(f)(rows);
  assertSameBits(jit(vmap(f))(rows), expected);
  assertSameBits(vmap(jit(f))(rows), expected);
});

test("vmap: keys, choices and matrices", () => {
  const keys = split(key(3), 4);
  const drawn = vmap((k: Tensor) => normal(k, [2]))(keys);
  assert.deepEqual(drawn.shape, [4, 2]);
  const one = (i: number) => normal(take(keys, tensor(i, { dtype: "int32" })), [2]);
  assertSameBits(drawn, stack([0, 1, 2, 3].map(one)));
  const chosen = vmap((c: Tensor, x: Tensor) => where(c, x, 0))(
    tensor([true, false]),
    tensor([1, 2]),
  );
  assert.deepEqual(chosen.toArray(), [1, 0]);
  const matrices = uniformTensor([4, 2, 3], 5);
  assertSameBits(
    vmap(matmul)(matrices, rows),
    stack([0, 1, 2, 3].map((i) => matmul(take(matrices, tensor(i, { dtype: "int32" })), row(i)))),
  );
});

test("vmap: a value of the batch cannot be read", () => {
  assert.throws(() => vmap((x: Tensor) => mul(x, x.item()))(tensor([1, 2])), TracedValueError);
});

test("vmap: leaked tensors are refused, returned ones too", () => {
  let leaked: Tensor | undefined;
  vmap((x: Tensor) => leaked = mul(x, 2))(tensor([1, 2]));
  assert.throws(() => add(leaked!, 1), /Traced<vmap> float32\[\] was kept after vmap/);
  assert.throws(
    () => vmap((_x: Tensor) => leaked!)(tensor([1, 2])),
    /^TracedValueError: vmap: Traced/,
  );
});

test("vmap: wrong axes and arguments are refused with their path", () => {
  const f = (x: { a: Tensor }, y: Tensor) => add(x.a, y);
  const a = zeros([2, 3]);
  assert.throws(
    () => vmap(f)({ a }, zeros([3])),
    /argument 1 has extent 3 along axis 0; expected 2/,
  );
  assert.throws(() => vmap(f)({ a: tensor(1) }, zeros([3])), /argument 0\.a is float32\[\]/);
  assert.throws(() => vmap(f, { inAxes: [5, 0] })({ a }, a), ShapeError);
  assert.throws(() => vmap(f, { outAxes: 2 })({ a }, a), ShapeError);
  assert.throws(() => vmap(f, { inAxes: [0] })({ a }, a), OptionError);
  assert.throws(() => vmap(f, { inAxes: [null, null] })({ a }, a), OptionError);
  assert.throws(() => vmap((x: Tensor) => x)(3 as unknown as Tensor), TreeError);
  assert.throws(
    () => vmap((x: Tensor) => [x, "a" as unknown as Tensor])(a),
    /the result\[1\] is "a"/,
  );
  assert.throws(() => vmap((x: Tensor) => Promise.resolve(x))(a), /async/);
});

test("vmap: reductions reduce each example", () => {
  for (const reduce of [sum, mean, max]) {
    const expected = stack([0, 1, 2, 3].map((i) => reduce(row(i))));
    assertSameBits(vmap((x: Tensor) => reduce(x))(rows), expected);
  }
  assertSameBits(vmap((x: Tensor) => cast(x, "bool"))(rows), cast(rows, "bool"));
});
