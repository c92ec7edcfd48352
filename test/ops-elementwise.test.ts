import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  abs,
  add,
  all,
  any,
  clip,
  DTypeError,
  equal,
  erf,
  erfInv,
  floor,
  grad,
  greater,
  greaterEqual,
  isFinite,
  isNaN,
  jvp,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  notEqual,
  OptionError,
  pow,
  remainder,
  round,
  ShapeError,
  sign,
  square,
  sum,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../mod.ts";
import { broadcastShapes } from "../src/core/shape.ts";
import {
  anyElement,
  anyElements,
  atBroadcast,
  broadcastingShapes,
  coordinates,
} from "./support/kernel-arbitraries.ts";
import { assertClose, assertSameBits, elementsOf } from "./support/tensors.ts";

type Binary = (a: Tensor, b: Tensor) => Tensor;

const compare: Record<string, [Binary, (a: number, b: number) => boolean]> = {
  equal: [equal, (a, b) => a === b],
  notEqual: [notEqual, (a, b) => a !== b],
  less: [less, (a, b) => a < b],
  lessEqual: [lessEqual, (a, b) => a <= b],
  greater: [greater, (a, b) => a > b],
  greaterEqual: [greaterEqual, (a, b) => a >= b],
};

test("comparisons and arithmetic of any broadcasting shapes, NaN and -0 included", () => {
  const operands = broadcastingShapes(2).chain(([a, b]) =>
    fc.tuple(anyElements("float64", a!), anyElements("float64", b!))
  );
  const functions: [Binary, (a: number, b: number) => number | boolean][] = [
    ...Object.values(compare),
    [add, (a, b) => a + b],
    [mul, (a, b) => a * b],
    [remainder, (a, b) => a % b],
    [maximum, Math.max],
    [minimum, Math.min],
  ];
  fc.assert(
    fc.property(operands, ([a, b]) => {
      const shape = broadcastShapes("test", a.shape, b.shape);
      const [x, y] = [a, b].map(({ values, ...spec }) => tensor(values, spec));
      for (const [f, oracle] of functions) {
        const expected = coordinates(shape).map((c) =>
          Number(oracle(atBroadcast(a, c), atBroadcast(b, c)))
        );
        const actual = f(x!, y!);
        assert.deepEqual(actual.shape, shape);
        const kept = elementsOf(actual);
        // max(0, -0) may be either zero.
        kept.forEach((value, i) =>
          assert.ok(Object.is(value, expected[i]) || value === expected[i])
        );
      }
    }),
    { numRuns: 150 },
  );
});

test("shapes that do not broadcast are refused by the function's name", () => {
  for (const [f, name] of [[add, "add"], [equal, "equal"], [maximum, "max"]] as const) {
    assert.throws(() => f(zeros([2, 3]), zeros([2])), (error) => {
      assert.ok(error instanceof ShapeError);
      assert.match(
        error.message,
        new RegExp(`^${name}.*\\[2, 3\\] and \\[2\\] do not broadcast: axis -1 has 3 and 2`),
      );
      return true;
    });
  }
  assert.throws(() => where(tensor([true, false]), zeros([3]), 1), ShapeError);
});

test("where, logic, all and any want and give bool", () => {
  const [t, f] = [tensor([true, true, false, false]), tensor([true, false, true, false])];
  assert.deepEqual(logicalAnd(t, f).toArray(), [true, false, false, false]);
  assert.deepEqual(logicalOr(t, f).toArray(), [true, true, true, false]);
  assert.deepEqual(logicalNot(t).toArray(), [false, false, true, true]);
  for (
    const wrong of [
      () => where(tensor([1]), 1, 2),
      () => logicalAnd(t, tensor([1])),
      () => logicalNot(tensor([1], { dtype: "int32" })),
      () => where(true as unknown as Tensor, 1, 2),
    ]
  ) {
    assert.throws(wrong, DTypeError);
  }
  assert.deepEqual(where(tensor([[true], [false]]), tensor([1, 2]), -1).toArray(), [[1, 2], [
    -1,
    -1,
  ]]);
  assert.deepEqual([all(t).toArray(), any(t).toArray()], [false, true]);
  assert.deepEqual(all(tensor([[1, NaN], [0, 1]]), { axis: 1 }).toArray(), [true, false]);
  assert.deepEqual(any(zeros([2, 2]), { axis: 0, keepDims: true }).toArray(), [[false, false]]);
  assert.deepEqual([all(zeros([0])).toArray(), any(zeros([0])).toArray()], [true, false]);
  assert.deepEqual(any(tensor([0, 0.5], { dtype: "bfloat16" })).toArray(), true);
});

test("isFinite and isNaN of awkward numbers and of integers", () => {
  const x = tensor([1, -0, NaN, Infinity, -Infinity]);
  assert.deepEqual(isFinite(x).toArray(), [true, true, false, false, false]);
  assert.deepEqual(isNaN(x).toArray(), [false, false, true, false, false]);
  assert.deepEqual(isFinite(tensor([3], { dtype: "int32" })).toArray(), [true]);
  assert.deepEqual(isNaN(tensor([true])).toArray(), [false]);
});

test("clip keeps to its range, keeps NaN, and refuses an empty range", () => {
  assert.deepEqual(clip(tensor([-2, 0.5, 2, NaN]), -1, 1).toArray(), [-1, 0.5, 1, NaN]);
  assert.deepEqual(clip(tensor([1, 5, 9]), tensor([2]), tensor([6, 4, 6])).toArray(), [2, 4, 6]);
  for (const [low, high] of [[1, 0], [NaN, 1], [0, NaN]] as const) {
    assert.throws(() => clip(tensor([1]), low, high), OptionError);
  }
});

test("derivatives at ties, corners and steps", () => {
  const at = (f: (x: Tensor) => Tensor, ...values: number[]) =>
    grad((x: Tensor) => sum(f(x)))(tensor(values)).toArray();
  assert.deepEqual(at(abs, -2, 0, 3), [-1, 0, 1]);
  assert.deepEqual(at(sign, -2, 0), [0, 0]);
  assert.deepEqual(at(floor, 1, 1.5), [0, 0]);
  assert.deepEqual(at(round, 0.5), [0]);
  assert.deepEqual(at((x) => maximum(x, 1), 0, 1, 2), [0, 0.5, 1]);
  assert.deepEqual(at((x) => maximum(x, x), 4), [1]);
  assert.deepEqual(at((x) => clip(x, -1, 1), -2, -1, 0, 1, 2), [0, 0.5, 1, 0.5, 0]);
  assert.deepEqual(at((x) => where(greater(x, 0), square(x), 1), 1, 3), [2, 6]);
});

test("derivatives of powers", () => {
  const gradient = grad((a: Tensor, b: Tensor) => sum(pow(a, b)), { argnums: [0, 1] });
  const at = (a: number, b: number) =>
    gradient(tensor(a, { dtype: "float64" }), tensor(b, { dtype: "float64" })).map((g) => g.item());
  assert.deepEqual(at(0, 0), [0, 0]);
  assert.deepEqual(at(0, 1), [1, 0]);
  assert.deepEqual(at(0, 2), [0, 0]);
  assert.deepEqual(at(-3, 2), [-6, NaN]);
  assert.deepEqual(at(2, 0), [0, Math.log(2)]);
  assert.deepEqual(at(Infinity, 0), [0, Infinity]);
  const exponent = grad((x: Tensor) => pow(x, 3));
  assert.equal(exponent(tensor(-2)).item(), 12);
  assert.equal(grad(exponent)(tensor(-2)).item(), -12);
  assert.equal(grad(grad((x: Tensor) => pow(x, 2)))(tensor(0)).item(), 2);
});

test("erfInv undoes erf, ends in infinities, and has their derivative", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const y = tensor([-0.999, -0.5, -1e-3, 0, 1e-8, 0.3, 0.9, 0.99999], { dtype });
    assertClose(elementsOf(erf(erfInv(y))), elementsOf(y), dtype === "float32" ? 1e-6 : 1e-14);
    const ends = tensor([-1, 1, 1.5, -2, NaN], { dtype });
    assert.deepEqual(erfInv(ends).toArray(), [-Infinity, Infinity, NaN, NaN, NaN]);
    const slopes = grad((x: Tensor) => sum(erfInv(x)))(tensor([-1, 0, 1, 2], { dtype }))
      .toArray() as number[];
    assertClose(slopes, [Infinity, Math.sqrt(Math.PI) / 2, Infinity, NaN], 1e-6);
    const [, tangent] = jvp((x: Tensor) => erfInv(x), [tensor([0.5], { dtype })], [
      tensor([1], { dtype }),
    ]);
    assertClose(
      elementsOf(tangent),
      [Math.sqrt(Math.PI) / 2 * Math.exp(0.4769362762044699 ** 2)],
      1e-5,
    );
  }
});

test("integer remainders and signs", () => {
  const x = tensor([7, -7, 7, -(2 ** 31)], { dtype: "int32" });
  const y = tensor([4, 4, 0, -1], { dtype: "int32" });
  assert.deepEqual(remainder(x, y).toArray(), [3, -3, 7, 0]);
  assert.deepEqual(sign(x).toArray(), [1, -1, 1, -1]);
  for (const f of [abs, sign]) assert.throws(() => f(tensor([1], { dtype: "uint32" })), DTypeError);
});

test("float32 arithmetic rounds at every step", () => {
  fc.assert(fc.property(anyElement.float32, anyElement.float32, anyElement.float32, (a, b, c) => {
    const expected = Math.fround(Math.fround(a * b) + c);
    const actual = add(mul(tensor([a]), tensor([b])), tensor([c]));
    assertSameBits(actual, tensor([expected]));
    // A number is rounded before it is used.
    assertSameBits(mul(tensor([a]), 0.1), tensor([a * Math.fround(0.1)]));
  }));
});
