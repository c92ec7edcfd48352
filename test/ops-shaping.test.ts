import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  arange,
  broadcastTo,
  concat,
  DTypeError,
  expandDims,
  flip,
  oneHot,
  OptionError,
  reshape,
  ShapeError,
  slice,
  squeeze,
  stack,
  take,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "../mod.ts";
import { broadcastShapes, sizeOf } from "../src/core/shape.ts";
import { anyShape, at, atBroadcast, coordinates } from "./support/kernel-arbitraries.ts";
import { assertSameBits, elementsOf } from "./support/tensors.ts";

/** 0, 1, 2, ... in a shape. */
const counted = (shape: readonly number[]): Tensor => reshape(arange(sizeOf(shape)), shape);

const elements = (x: Tensor) => ({ shape: x.shape, dtype: x.dtype, values: elementsOf(x) });

/** Holds the elements of a result against the element of x that each place should show. */
function assertMoved(actual: Tensor, x: Tensor, from: (coordinate: number[]) => number[]): void {
  const source = elements(x);
  assert.deepEqual(elementsOf(actual), coordinates(actual.shape).map((c) => at(source, from(c))));
}

test("reshape keeps the order of elements, and finds one extent", () => {
  const x = counted([2, 3, 4]);
  for (const shape of [[24], [4, 6], [2, 3, 4], [1, 24, 1]]) {
    assertSameBits(reshape(x, shape), counted(shape));
    shape.forEach((_, axis) => assertSameBits(reshape(x, shape.with(axis, -1)), counted(shape)));
  }
  assert.deepEqual(reshape(zeros([0, 3]), [-1, 3]).shape, [0, 3]);
  const refused: [number[], RegExp][] = [
    [[5], /reshape: \[2, 3, 4\] has 24 elements; \[5\] would have 5/],
    [[-1, 5], /\[-1, 5\] cannot divide/],
    [[-1, -1], /\[-1, -1\] has several extents -1; expected one$/],
    [[-1, 0], /cannot divide/],
    [[2.5, -1], /is not a shape/],
    [[-2, -12], /is not a shape/],
  ];
  for (const [shape, message] of refused) {
    assert.throws(
      () => reshape(x, shape),
      (error) => error instanceof ShapeError && message.test(error.message),
    );
  }
});

test("transpose by any permutation, and reversing without one", () => {
  const cases = anyShape().chain((shape) => {
    const axes = shape.map((_, axis) => axis);
    return fc.tuple(
      fc.constant(shape),
      fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length }),
    );
  });
  fc.assert(fc.property(cases, ([shape, permutation]) => {
    const x = counted(shape);
    const y = transpose(x, permutation);
    assert.deepEqual(y.shape, permutation.map((axis) => shape[axis]));
    assertMoved(y, x, (c) => shape.map((_, axis) => c[permutation.indexOf(axis)]!));
    assertSameBits(transpose(x, permutation.map((axis) => axis - shape.length)), y);
    assertMoved(transpose(x), x, (c) => c.toReversed());
  }));
  for (const wrong of [[0], [0, 0], [0, 2], [0, 1, 1]]) {
    assert.throws(() => transpose(zeros([2, 3]), wrong), ShapeError);
  }
});

test("broadcastTo repeats, and refuses what does not fit by its own name", () => {
  fc.assert(
    fc.property(anyShape(), fc.nat({ max: 15 }), fc.nat({ max: 4 }), (shape, ones, dropped) => {
      const own = shape.map((extent, axis) => (ones >> axis) % 2 ? 1 : extent).slice(
        dropped % (shape.length + 1),
      );
      const x = counted(own);
      const y = broadcastTo(x, shape);
      assert.deepEqual(y.shape, shape);
      assert.deepEqual(elementsOf(y), coordinates(shape).map((c) => atBroadcast(elements(x), c)));
    }),
  );
  for (const [from, to] of [[[2], [3]], [[2, 3], [3]], [[3], [3, 1]], [[2], [0]]] as const) {
    assert.throws(
      () => broadcastTo(zeros(from), to),
      (error) => error instanceof ShapeError && /^broadcastTo: /.test(error.message),
    );
  }
  assert.deepEqual(broadcastShapes("f"), []);
});

test("expandDims and squeeze undo each other", () => {
  const x = counted([2, 3]);
  assert.deepEqual(expandDims(x, 0).shape, [1, 2, 3]);
  assert.deepEqual(expandDims(x, -1).shape, [2, 3, 1]);
  assert.deepEqual(expandDims(x, [0, 2, -1]).shape, [1, 2, 1, 3, 1]);
  assertSameBits(squeeze(expandDims(x, [0, 2, -1])), x);
  assert.deepEqual(squeeze(zeros([1, 2, 1]), 0).shape, [2, 1]);
  assert.deepEqual(squeeze(zeros([1, 2, 1]), [-1]).shape, [1, 2]);
  assert.deepEqual(squeeze(zeros([1, 1])).shape, []);
  assert.throws(() => squeeze(x, 0), /axis 0 of \[2, 3\] is not 1/);
  assert.throws(() => expandDims(x, 3), ShapeError);
  assert.throws(() => expandDims(x, [0, 0]), ShapeError);
});

test("concat and stack", () => {
  const [a, b] = [counted([2, 3]), counted([2, 1])];
  assert.deepEqual(concat([a, b, a], 1).toArray(), [[0, 1, 2, 0, 0, 1, 2], [3, 4, 5, 1, 3, 4, 5]]);
  assert.deepEqual(concat([a, zeros([0, 3], { dtype: "int32" }), a], -2).shape, [4, 3]);
  assert.deepEqual(stack([a, a], 1).shape, [2, 2, 3]);
  assert.deepEqual(stack([a, a], -1).shape, [2, 3, 2]);
  assertSameBits(
    take(
      stack([a, b.add(zeros([2, 3], { dtype: "int32" }))], -1),
      tensor(0, { dtype: "int32" }),
      2,
    ),
    a,
  );
  for (
    const wrong of [
      () => concat([]),
      () => stack([]),
      () => concat([a, b], 0),
      () => concat([a, zeros([3], { dtype: "int32" })]),
      () => concat([a], 2),
      () => stack([a, b]),
      () => concat([tensor(1)]),
    ]
  ) {
    assert.throws(wrong, ShapeError);
  }
  assert.throws(() => concat([a, zeros([2, 3])]), DTypeError);
});

test("flip and slice of any axes", () => {
  const cases = anyShape(1).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      picks: fc.nat({ max: 15 }),
      ends: fc.tuple(...shape.map((extent) =>
        fc.tuple(fc.nat({ max: extent }), fc.nat({ max: extent }), fc.integer({ min: 1, max: 3 }))
      )),
    })
  );
  fc.assert(fc.property(cases, ({ shape, picks, ends }) => {
    const x = counted(shape);
    const flipped = shape.flatMap((_, axis) => (picks >> axis) % 2 ? [axis] : []);
    assertMoved(
      flip(x, flipped),
      x,
      (c) => c.map((i, axis) => flipped.includes(axis) ? shape[axis]! - 1 - i : i),
    );
    assertSameBits(flip(x), flip(x, shape.map((_, axis) => axis - shape.length)));
    const start = ends.map(([a, b]) => Math.min(a, b));
    const limit = ends.map(([a, b]) => Math.max(a, b));
    const stride = ends.map(([, , step]) => step);
    const part = slice(x, start, limit, stride);
    assert.deepEqual(
      part.shape,
      start.map((from, axis) => Math.ceil((limit[axis]! - from) / stride[axis]!)),
    );
    assertMoved(part, x, (c) => c.map((i, axis) => start[axis]! + i * stride[axis]!));
  }));
});

test("slice: what is not named is whole, and negative positions count from the end", () => {
  const x = counted([4, 3]);
  assertSameBits(slice(x, []), x);
  assertSameBits(slice(x, [1]), slice(x, [1, 0], [4, 3]));
  assertSameBits(slice(x, [-3, -2], [-1]), slice(x, [1, 1], [3, 3]));
  for (
    const [start, limit, stride] of [
      [[5]],
      [[-5]],
      [[2], [1]],
      [[0], [5]],
      [[0], [4], [0]],
      [[0], [4], [-1]],
      [[0.5]],
      [[0], [3.5]],
      [[0], [4], [1.5]],
      [[0, 0, 0]],
      [[NaN]],
    ] as number[][][]
  ) {
    assert.throws(
      () => slice(x, start!, limit, stride),
      (error) => error instanceof ShapeError && /^slice: /.test(error.message),
    );
  }
});

test("take: rows, repeated and out of range", () => {
  const x = tensor([[1, 2], [3, 4]]);
  const indices = tensor([[1, 0], [-1, 2]], { dtype: "int32" });
  assert.deepEqual(take(x, indices).toArray(), [[[3, 4], [1, 2]], [[NaN, NaN], [NaN, NaN]]]);
  assert.deepEqual(take(x, tensor(1, { dtype: "uint32" }), -1).toArray(), [2, 4]);
  const whole = tensor([5, 6], { dtype: "int32" });
  assert.deepEqual(take(whole, indices).toArray(), [[6, 5], [-(2 ** 31), -(2 ** 31)]]);
  assert.deepEqual(take(tensor([true]), indices).toArray(), [[false, true], [false, false]]);
  assert.throws(() => take(x, tensor([0])), /take: indices are float32; expected int32 or uint32/);
  assert.throws(() => take(x, indices, 2), ShapeError);
});

test("oneHot", () => {
  const indices = tensor([[0, 2], [-1, 3]], { dtype: "int32" });
  assert.deepEqual(oneHot(indices, 3).toArray(), [[[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]]]);
  assert.equal(oneHot(indices, 2, "bool").dtype, "bool");
  assert.deepEqual(oneHot(indices, 0).shape, [2, 2, 0]);
  for (const classes of [-1, 1.5, NaN]) assert.throws(() => oneHot(indices, classes), OptionError);
  assert.throws(() => oneHot(tensor([0]), 2), DTypeError);
  assert.throws(() => oneHot(indices, 2, "float16" as "float32"), DTypeError);
});

test("functions that want a tensor refuse numbers by their own name", () => {
  const functions = {
    reshape,
    transpose,
    broadcastTo,
    expandDims,
    squeeze,
    flip,
    slice,
    take,
    oneHot,
  };
  for (const [name, f] of Object.entries(functions)) {
    const call = () => (f as (x: unknown, y: unknown) => unknown)(3, [0]);
    assert.throws(
      call,
      name === "oneHot" ? OptionError : new RegExp(`^DTypeError: ${name}: cannot take 3`),
    );
  }
});
