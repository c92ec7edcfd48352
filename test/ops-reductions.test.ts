import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  argMax,
  argMin,
  cumSum,
  DTypeError,
  exp,
  grad,
  logSumExp,
  max,
  mean,
  min,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  variance,
  zeros,
} from "../mod.ts";
import { sizeOf } from "../src/core/shape.ts";
import { anyElements, anyShape, at, coordinates } from "./support/kernel-arbitraries.ts";
import { assertClose, assertSameBits, elementsOf, uniformTensor } from "./support/tensors.ts";

type Reduce = typeof sum;

const finiteMax = (values: number[]) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const oracles: [Reduce, (values: number[]) => number][] = [
  [sum, (values) => values.reduce((a, b) => a + b, 0)],
  [mean, average],
  [max, finiteMax],
  [min, (values) => -finiteMax(values.map((x) => -x))],
  [variance, (values) => average(values.map((x) => (x - average(values)) ** 2))],
  [logSumExp, (values) => {
    const shift = finiteMax(values);
    return Math.log(values.reduce((a, b) => a + Math.exp(b - shift), 0)) + shift;
  }],
];

test("reductions over any axes, counted from either end, kept or not", () => {
  const cases = fc.tuple(
    fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
    fc.nat(),
    fc.nat({ max: 15 }),
    fc.boolean(),
  );
  fc.assert(fc.property(cases, ([shape, seed, picks, keepDims]) => {
    const x = uniformTensor(shape, seed, -3, 3);
    const elements = { shape, dtype: x.dtype, values: elementsOf(x) };
    const axes = shape.flatMap((_, axis) => (picks >> axis) % 2 === 1 ? [axis] : []);
    const given = axes.map((axis) => seed % 2 ? axis - shape.length : axis).reverse();
    const outer = shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
    const inner = shape.map((extent, axis) => axes.includes(axis) ? extent : 1);
    for (const [reduce, oracle] of oracles) {
      const expected = coordinates(outer).map((o) =>
        oracle(
          coordinates(inner).map((i) => at(elements, o.map((index, axis) => index + i[axis]!))),
        )
      );
      const actual = reduce(x, { axis: given, keepDims });
      assert.deepEqual(
        actual.shape,
        keepDims ? outer : shape.filter((_, axis) => !axes.includes(axis)),
      );
      assertClose(elementsOf(actual), expected, 1e-13);
    }
    assertClose([sum(x).item()], [oracles[0]![1](elements.values)], 1e-13);
    if (shape.length > 0) {
      assertSameBits(max(x, { axis: -1 }), max(x, { axis: [shape.length - 1] }));
    }
  }));
});

test("argMax, argMin and cumSum along any axis", () => {
  const cases = anyShape(1).chain((shape) =>
    fc.tuple(anyElements("int32", shape), fc.nat({ max: shape.length - 1 }))
  );
  fc.assert(fc.property(cases, ([x, axis]) => {
    const { shape, dtype, values } = x;
    const X = tensor(values, { shape, dtype });
    const line = (c: number[]) =>
      Array.from({ length: shape[axis]! }, (_, i) => at(x, c.with(axis, i)));
    assert.deepEqual(
      elementsOf(cumSum(X, axis - shape.length)),
      coordinates(shape).map((c) =>
        line(c).slice(0, c[axis]! + 1).reduce((a, b) => (a + b) | 0, 0)
      ),
    );
    if (shape[axis] === 0) {
      assert.throws(() => argMax(X, axis), ShapeError);
      return;
    }
    const kept = coordinates(shape.with(axis, 1));
    assert.deepEqual(
      elementsOf(argMax(X, axis)),
      kept.map((c) => line(c).indexOf(Math.max(...line(c)))),
    );
    assert.deepEqual(
      elementsOf(argMin(X, axis)),
      kept.map((c) => line(c).indexOf(Math.min(...line(c)))),
    );
  }));
});

test("argMax and argMin: the first of equals, the first NaN, the ends of the integers", () => {
  assert.equal(argMax(tensor([1, 3, 3])).item(), 1);
  assert.equal(argMin(tensor([2, 1, 1])).item(), 1);
  for (const f of [argMax, argMin]) assert.equal(f(tensor([1, NaN, 5, NaN])).item(), 1);
  const ends = tensor([0, -(2 ** 31), 2 ** 31 - 1], { dtype: "int32" });
  assert.deepEqual([argMin(ends).item(), argMax(ends).item()], [1, 2]);
  const words = tensor([5, 0, 2 ** 32 - 1], { dtype: "uint32" });
  assert.deepEqual([argMin(words).item(), argMax(words).item()], [1, 2]);
  assert.equal(argMax(tensor([false, true])).item(), 1);
});

test("reductions over nothing", () => {
  const empty = zeros([2, 0]);
  assert.deepEqual(sum(empty, { axis: 1 }).toArray(), [0, 0]);
  assert.deepEqual(mean(empty, { axis: 1 }).toArray(), [NaN, NaN]);
  assert.deepEqual(sum(empty, { axis: 0 }).shape, [0]);
  for (const f of [max, min, logSumExp]) {
    assert.throws(() => f(empty, { axis: 1 }), /\[2, 0\] has no elements to choose from/);
    assert.throws(() => f(empty), ShapeError);
    assert.deepEqual(f(empty, { axis: 0 }).shape, [0]);
  }
  assert.deepEqual(sum(tensor([1, 2]), { axis: [] }).toArray(), [1, 2]);
});

test("reductions: dtypes", () => {
  const bool = tensor([true, true, false]);
  assertSameBits(sum(bool), tensor(2, { dtype: "int32" }));
  assertSameBits(mean(bool), tensor(2 / 3));
  assertSameBits(max(tensor([1, 2], { dtype: "uint32" })), tensor(2, { dtype: "uint32" }));
  assertSameBits(cumSum(bool), tensor([1, 2, 2], { dtype: "int32" }));
  assertSameBits(mean(tensor([1, 2], { dtype: "int32" })), tensor(1.5));
  assert.equal(sum(tensor([2 ** 31 - 1, 1], { dtype: "int32" })).item(), -(2 ** 31));
  assert.throws(() => sum(tensor([1], { dtype: "bfloat16" })), DTypeError);
});

test("reductions: axes that do not fit are refused", () => {
  const x = zeros([2, 3]);
  for (const axis of [2, -3, 0.5, NaN]) {
    assert.throws(
      () => sum(x, { axis }),
      /^ShapeError: sum: axis .* is out of range: expected -2 to 1/,
    );
    assert.throws(() => argMax(x, axis), ShapeError);
    assert.throws(() => cumSum(x, axis), ShapeError);
  }
  assert.throws(() => max(x, { axis: [0, -2] }), /name an axis twice/);
  assert.throws(() => sum(tensor(1), { axis: 0 }), /a scalar has no axes/);
});

test("logSumExp with infinities, far from 0, and its gradient", () => {
  const of = (...values: number[]) => logSumExp(tensor(values, { dtype: "float64" })).item();
  assert.equal(of(-Infinity, -Infinity), -Infinity);
  assert.equal(of(-Infinity, 3), 3);
  assert.equal(of(Infinity, 3), Infinity);
  assert.equal(of(Infinity, -Infinity), Infinity);
  assert.equal(of(Infinity, Infinity), Infinity);
  assert.ok(Number.isNaN(of(NaN, Infinity)));
  assertClose([of(1000, 1000), of(-1000, -1000)], [1000 + Math.LN2, -1000 + Math.LN2], 1e-15);
  const gradient = grad((x: Tensor) => logSumExp(x))(
    tensor([1000, -Infinity, 1000], { dtype: "float64" }),
  );
  assertClose(elementsOf(gradient), [0.5, 0, 0.5], 1e-12);
  const rows = tensor([[0, 0], [-Infinity, -Infinity], [Infinity, 1]]);
  assertClose(elementsOf(logSumExp(rows, { axis: 1 })), [
    Math.fround(Math.LN2),
    -Infinity,
    Infinity,
  ], 0);
  assert.deepEqual(logSumExp(rows, { axis: 1, keepDims: true }).shape, [3, 1]);
  assert.deepEqual(logSumExp(tensor([1, 2], { dtype: "int32" })).dtype, "float32");
});

test("max and min share the derivative among ties", () => {
  const x = tensor([[1, 3, 3], [2, 2, 2]]);
  assert.deepEqual(grad((x: Tensor) => sum(max(x, { axis: 1 })))(x).toArray(), [
    [0, 0.5, 0.5],
    [Math.fround(1 / 3), Math.fround(1 / 3), Math.fround(1 / 3)],
  ]);
  assert.deepEqual(grad((x: Tensor) => min(x))(x).toArray(), [[1, 0, 0], [0, 0, 0]]);
  assert.equal(sizeOf(grad((x: Tensor) => sum(exp(max(x, { axis: 0 }))))(x).shape), 6);
});
