import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  arange,
  broadcastTo,
  cast,
  flip,
  jit,
  mul,
  reshape,
  slice,
  sum,
  type Tensor,
  tensor,
  transpose,
} from "../mod.ts";
import { type Shape, sizeOf } from "../src/core/shape.ts";
import { assertSameBits } from "./support/tensors.ts";

/** Numbers of common size, so that every rounding shows. */
function numbers(shape: Shape, seed: number, dtype: "float32" | "float64"): Tensor {
  let state = seed | 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 23 - 0.7;
  };
  return tensor(Array.from({ length: sizeOf(shape) }, next), { shape, dtype });
}

/** Something of the same shape that may tell its axes apart, read in another order, or in another width. */
const makers: readonly ((x: Tensor, seed: number) => Tensor)[] = [
  (x) => mul(x, x),
  (x, seed) => mul(x, numbers(x.shape.slice(-1), seed, "float32")),
  (x, seed) => add(x, numbers([...x.shape.slice(0, -1), 1], seed, "float32")),
  (x, seed) => mul(x, broadcastTo(numbers(x.shape.slice(1), seed, "float32"), x.shape)),
  (x, seed) => transpose(add(numbers(x.shape.toReversed(), seed, "float32"), 1)),
  (x, seed) => mul(x, transpose(numbers(x.shape.toReversed(), seed, "float32"))),
  (x, seed) => flip(x, seed % x.rank),
  (x, seed) => {
    const axis = seed % x.rank;
    const wide = numbers(x.shape.map((extent, i) => extent + Number(i === axis)), seed, "float32");
    return slice(wide, x.shape.map((_, i) => Number(i === axis)));
  },
  (x) => mul(x, reshape(cast(arange(x.shape.at(-1)!), "float32"), [x.shape.at(-1)!])),
  (x) => mul(x, reshape(cast(arange(x.size), "float32"), x.shape)),
  (x, seed) => mul(reshape(numbers([x.size], seed, "float32"), x.shape), x),
  (x, seed) => mul(x, cast(numbers(x.shape, seed, "float64"), "float32")),
  (x) => cast(mul(cast(x, "float64"), 3), "float32"),
];

const extent = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(24, 31, 33, 48, 70));
const anyCase = fc.record({
  shape: fc.oneof(
    fc.array(extent, { minLength: 1, maxLength: 4 }).filter((shape) => sizeOf(shape) <= 20_000),
    fc.constantFrom<number[]>([5000], [2, 4099], [4097, 3], [3, 2, 4096], [131_077], [4, 40_000], [
      70_000,
      2,
    ]),
  ),
  axes: fc.nat(15),
  which: fc.array(fc.tuple(fc.nat(makers.length - 1), fc.nat(100)), { minLength: 1, maxLength: 2 }),
  wide: fc.boolean(),
  seed: fc.nat(),
});

test("wasm: a sum has the same bits in whatever loop it is, beside values of any width", () => {
  fc.assert(
    fc.property(anyCase, ({ shape, axes, which, wide, seed }) => {
      const chosen = shape.map((_, axis) => axis).filter((axis) => (axes >> axis) % 2 === 1);
      const options = { axis: chosen.length > 0 ? chosen : shape.map((_, axis) => axis) };
      const f = (x: Tensor): Tensor[] => {
        const terms = which.map(([maker, detail]) => makers[maker]!(x, detail));
        const sums = terms.map((term) => sum(term, options));
        // Sums of both widths in one loop, where the compiler likes that.
        const double = sum(mul(cast(terms[0]!, "float64"), 0.3), options);
        return wide ? [...sums, double, add(cast(sums[0]!, "float64"), double)] : sums;
      };
      const x = numbers(shape, seed, "float32");
      const expected = f(x);
      jit(f)(x).forEach((actual, i) => assertSameBits(actual, expected[i]!, `result ${i}`));
    }),
    { numRuns: 300 },
  );
});

test("wasm: the order of a sum of float32 is what it says, in loops of either width", () => {
  // 2^24 swallows a 1, so a sum tells what was added to what.
  const count = 37;
  for (let big = 0; big < count; big++) {
    for (let negative = 0; negative < count; negative++) {
      if (negative === big) continue;
      const values = Array.from({ length: count }, () => 1);
      values[big] = 2 ** 24;
      values[negative] = -(2 ** 24);
      const x = tensor(values);
      const both = jit((x: Tensor) => [sum(x), sum(cast(x, "float64"))])(x);
      // Lane by lane of four vectors, whose pairs are added, then vectors of the rest, then single elements.
      const lane = (i: number): number => i < 32 ? i % 16 : i < 36 ? i % 4 : 16;
      const sums = new Float32Array(17);
      values.forEach((value, i) => sums[lane(i)]! += value);
      const vector = [0, 1, 2, 3].map((i) => {
        const pairs = [0, 4].map((v) => Math.fround(sums[i + v]! + sums[i + v + 8]!));
        return Math.fround(pairs[0]! + pairs[1]!);
      });
      const total = vector[0]! + vector[2]! + (vector[1]! + vector[3]!) + sums[16]!;
      assert.equal(both[0]!.item(), Math.fround(total), `${big} ${negative}`);
      assert.equal(sum(x).item(), Math.fround(total), `${big} ${negative}`);
      assert.equal(both[1]!.item(), count - 2);
    }
  }
});
