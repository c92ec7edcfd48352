import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DTypeError, matmul, outer, ShapeError, type Tensor, tensor, zeros } from "../mod.ts";
import { broadcastShapes } from "../src/core/shape.ts";
import { checkDerivatives } from "./support/derivatives.ts";
import { atBroadcast, coordinates } from "./support/kernel-arbitraries.ts";
import { assertClose, elementsOf, uniformTensor } from "./support/tensors.ts";

/** By the definition: matrices, where a vector stands for a row on the left and a column on the right. */
function naive(a: Tensor, b: Tensor): { shape: number[]; values: number[] } {
  const left = { shape: a.rank === 1 ? [1, ...a.shape] : [...a.shape] };
  const right = { shape: b.rank === 1 ? [...b.shape, 1] : [...b.shape] };
  const x = { ...left, dtype: a.dtype, values: elementsOf(a) };
  const y = { ...right, dtype: b.dtype, values: elementsOf(b) };
  const batch = broadcastShapes("naive", left.shape.slice(0, -2), right.shape.slice(0, -2));
  const [rows, columns, inner] = [left.shape.at(-2)!, right.shape.at(-1)!, left.shape.at(-1)!];
  const values = coordinates([...batch, rows, columns]).map((coordinate) => {
    const [i, j] = coordinate.slice(-2) as [number, number];
    const outer = coordinate.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      sum += atBroadcast(x, fromEnd(outer, left.shape, [i, k])) *
        atBroadcast(y, fromEnd(outer, right.shape, [k, j]));
    }
    return sum;
  });
  const shape = [...batch, ...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])];
  return { shape, values };
}

/** As many batch coordinates as the operand has batch axes, and its last two. */
function fromEnd(outer: number[], shape: number[], last: number[]): number[] {
  return [...outer.slice(outer.length - (shape.length - 2)), ...last];
}

const extent = fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
  weight: 9,
  arbitrary: fc.integer({ min: 1, max: 4 }),
});

/** Operands of rank 1 to 4 whose batch axes broadcast. */
const shapes = fc.record({
  batch: fc.array(extent, { maxLength: 2 }),
  drop: fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })),
  ones: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })),
  sizes: fc.tuple(extent, extent, extent),
  vectors: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })),
}).map(({ batch, drop, ones, sizes: [n, k, m], vectors }) => {
  const part = (side: 0 | 1) =>
    batch.map((extent, axis) => (ones[side] >> axis) % 2 === 1 ? 1 : extent).slice(drop[side]);
  return {
    a: vectors[0] === 0 ? [k] : [...part(0), n, k],
    b: vectors[1] === 0 ? [k] : [...part(1), k, m],
  };
});

test("matmul: operands of any ranks, against the definition", () => {
  fc.assert(
    fc.property(shapes, fc.nat(), ({ a, b }, seed) => {
      const [x, y] = [uniformTensor(a, seed), uniformTensor(b, seed + 1)];
      const expected = naive(x, y);
      const actual = matmul(x, y);
      assert.deepEqual(actual.shape, expected.shape);
      assertClose(elementsOf(actual), expected.values, 1e-14);
    }),
    { numRuns: 400 },
  );
});

test("matmul: derivatives for operands of any ranks", () => {
  fc.assert(
    fc.property(shapes, fc.nat(), ({ a, b }, seed) => {
      checkDerivatives(matmul, [uniformTensor(a, seed), uniformTensor(b, seed + 1)], seed);
    }),
    { numRuns: 60 },
  );
});

test("matmul: int32 wraps, bool counts, mixed dtypes meet", () => {
  const large = tensor([[2 ** 16]], { dtype: "int32" });
  assert.deepEqual(matmul(large, large).toArray(), [[0]]);
  const mask = tensor([[true, true], [false, true]]);
  assert.deepEqual(matmul(mask, mask).toArray(), [[1, 2], [0, 1]]);
  assert.equal(matmul(mask, mask).dtype, "int32");
  assert.equal(matmul(large, zeros([1, 1])).dtype, "float32");
  assert.throws(
    () => matmul(zeros([1, 1], { dtype: "uint32" }), zeros([1, 1], { dtype: "uint32" })),
    DTypeError,
  );
});

test("matmul: shapes that do not fit are refused", () => {
  const pairs = [[[2, 3], [2, 3]], [[], [2]], [[2], []], [[3], [2]], [[2, 3], [2]], [[2, 2, 3], [
    3,
    3,
    2,
  ]]];
  for (const [a, b] of pairs) {
    assert.throws(() => matmul(zeros(a!), zeros(b!)), ShapeError, `${a} ${b}`);
  }
  assert.throws(() => matmul(zeros([2, 3]), zeros([2, 3])), /cannot multiply \[2, 3\] by \[2, 3\]/);
  assert.throws(() => matmul(3 as unknown as Tensor, zeros([2])), DTypeError);
});

test("outer: every product, and nothing but vectors", () => {
  assert.deepEqual(outer(tensor([1, 2]), tensor([3, 4, 5])).toArray(), [[3, 4, 5], [6, 8, 10]]);
  assert.throws(() => outer(zeros([2, 2]), zeros([2])), ShapeError);
});
