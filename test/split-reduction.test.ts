import assert from "node:assert/strict";
import { test } from "node:test";
import { type SplitOptions, splitReduction } from "../src/backend/split-reduction.ts";
import type { Loop } from "../src/backend/loop.ts";
import { bytesPerElement } from "../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../src/core/shape.ts";
import { access, runGenerated } from "./support/run-loop.ts";

const options: SplitOptions = { partPoints: 2 ** 15, mostResults: 8, bytesPerElement };

/**
 * Of x (buffer 0) and y (1, one element a result): x + 1 to buffer 2, the sum of it times y to 3, and the largest x plus
 * that sum to 4.
 */
function nest(extents: number[], reduced: number, dtype: "int32" | "float32"): Loop {
  const outer = extents.slice(0, extents.length - reduced);
  const all = stridesOf(extents);
  const kept = [...stridesOf(outer), ...new Array<number>(reduced).fill(0)];
  return {
    extents,
    reduced,
    statements: [
      { kind: "load", access: access(0, all, 0, dtype), dtype },
      { kind: "literal", value: 1, dtype },
      { kind: "apply", op: "add", params: {}, args: [0, 1], dtype },
      { kind: "load", access: access(1, kept, 0, dtype), dtype },
      { kind: "reduce", op: "sum", arg: 2, dtype },
      { kind: "apply", op: "mul", params: {}, args: [4, 3], dtype },
      { kind: "reduce", op: "max", arg: 0, dtype },
      { kind: "apply", op: "add", params: {}, args: [6, 4], dtype },
    ],
    stores: [
      { statement: 2, access: access(2, all, 0, dtype) },
      { statement: 5, access: access(3, kept, 0, dtype) },
      { statement: 7, access: access(4, kept, 0, dtype) },
    ],
  };
}

function runSplit(loop: Loop, buffers: ArrayBuffer[]): ArrayBuffer[] {
  const split = splitReduction(loop, buffers.length, options)!;
  const partials = split.buffers.map((byteLength) => new ArrayBuffer(byteLength));
  return split.loops
    .reduce((memory, part) => runGenerated(part, memory), [...buffers, ...partials])
    .slice(0, buffers.length);
}

function memoryFor(extents: number[], reduced: number, make: (i: number) => number): number[][] {
  const size = sizeOf(extents);
  const results = sizeOf(extents.slice(0, extents.length - reduced));
  const numbers = (n: number) => Array.from({ length: n }, (_, i) => make(i));
  return [size, results, size, results, results].map(numbers);
}

const shapes: [number[], number][] = [
  [[2 ** 17], 1],
  [[2 ** 17 + 4097], 1],
  [[3, 200_000], 1],
  [[400, 500], 2],
  [[2, 7, 30_011], 2],
  [[5, 40_000, 4], 2],
];

for (const [extents, reduced] of shapes) {
  test(`wasm: a reduction over ${reduced} axes of ${extents} in parts gives the whole, exactly for integers`, () => {
    const loop = nest(extents, reduced, "int32");
    const memory = memoryFor(extents, reduced, (i) => Math.imul(i, 0x9e3779b1))
      .map((numbers) => Int32Array.from(numbers).buffer);
    assert.deepEqual(runSplit(loop, memory), runGenerated(loop, memory));
  });

  test(`wasm: a sum over ${reduced} axes of ${extents} in parts is near the one in float64`, () => {
    const loop = nest(extents, reduced, "float32");
    const memory = memoryFor(extents, reduced, (i) => (i * 40503 % 65537) / 65536 - 0.4)
      .map((numbers) => Float32Array.from(numbers).buffer);
    const [x, y, , sums, largest] = runSplit(loop, memory).map((each) => new Float32Array(each));
    const inner = x!.length / y!.length;
    y!.forEach((factor, result) => {
      const part = x!.subarray(result * inner, (result + 1) * inner);
      const terms = part.map((value) => value + 1);
      const sum = terms.reduce((total, term) => total + term, 0);
      // Blocks of 4096 in four vectors: a thousand roundings in a row at most, of parts of one sign.
      assert.ok(
        Math.abs(sums![result]! - sum * factor) <= Math.abs(sum * factor) * 1024 * 2 ** -24,
      );
      assert.ok(
        Math.abs(largest![result]! - (part.reduce((a, b) => Math.max(a, b)) + sum)) <=
          sum * 1024 * 2 ** -24,
      );
    });
  });
}

test("wasm: small reductions, and those with many results, stay whole", () => {
  assert.equal(splitReduction(nest([2 ** 16], 1, "int32"), 5, options), undefined);
  assert.equal(splitReduction(nest([100, 10_000], 1, "int32"), 5, options), undefined);
  assert.equal(splitReduction(nest([2 ** 20], 0, "int32"), 5, options), undefined);
});
