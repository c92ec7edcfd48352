import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import type { DType } from "../src/core/dtype.ts";
import { anyElement, anyElements, at, coordinates } from "./support/kernel-arbitraries.ts";
import { anyAxes } from "./support/products.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";

const backend = referenceBackend();

/** a + b * c with each step rounded. */
const multiplyAdd: Partial<Record<DType, (a: number, b: number, c: number) => number>> = {
  float32: (a, b, c) => Math.fround(a + Math.fround(b * c)),
  float64: (a, b, c) => a + b * c,
  int32: (a, b, c) => Number(BigInt.asIntN(32, BigInt(a) + BigInt(b) * BigInt(c))),
  uint32: (a, b, c) => Number(BigInt.asUintN(32, BigInt(a) + BigInt(b) * BigInt(c))),
};

/** An operand with a letter for each axis. */
interface Lettered {
  readonly operand: Elements;
  readonly letters: readonly string[];
}

function dotOracle(
  a: Lettered,
  b: Lettered,
  batch: readonly string[],
  contract: readonly string[],
) {
  const paired = [...batch, ...contract];
  const extentOf = (letter: string) => {
    const side = a.letters.includes(letter) ? a : b;
    return side.operand.shape[side.letters.indexOf(letter)]!;
  };
  const free = [...a.letters, ...b.letters].filter((letter) => !paired.includes(letter));
  const kept = [...batch, ...free];
  const shape = kept.map(extentOf);
  const inner = coordinates(contract.map(extentOf));
  const values = coordinates(shape).map((outer) =>
    inner.reduce((sum, summed) => {
      const value = ({ operand, letters }: Lettered) =>
        at(
          operand,
          letters.map((letter) => {
            const i = kept.indexOf(letter);
            return i >= 0 ? outer[i]! : summed[contract.indexOf(letter)]!;
          }),
        );
      return multiplyAdd[a.operand.dtype]!(sum, value(a), value(b));
    }, 0)
  );
  return { shape, values };
}

const anyProduct = anyAxes({
  dtypes: ["float32", "float64", "int32", "uint32"],
  mostContracted: 3,
  largestExtent: 6,
  extentsPerZero: 12,
}).chain((product) =>
  fc.tuple(
    fc.constant(product),
    anyElements(product.dtype, product.a),
    anyElements(product.dtype, product.b),
  )
);

test("reference dot of any axes in any order, rounded at every step in ascending order", () => {
  fc.assert(
    fc.property(anyProduct, ([{ dtype, batch, contract, letters }, a, b]) => {
      const { shape, values } = dotOracle(
        { operand: a, letters: letters.a },
        { operand: b, letters: letters.b },
        letters.batch,
        letters.contract,
      );
      const output = { shape, dtype };
      assert.deepEqual(runKernel(backend, "dot", { batch, contract }, [a, b], output), values);
    }),
    { numRuns: 300 },
  );
});

test("reference dot gives the same bits whatever the layout of its operands", () => {
  const sizes = fc.record({
    m: fc.integer({ min: 1, max: 9 }),
    n: fc.integer({ min: 1, max: 9 }),
    k: fc.integer({ min: 1, max: 20 }),
  }).chain(({ m, n, k }) =>
    fc.tuple(anyElements("float32", [m, k]), anyElements("float32", [k, n]))
  );
  const transposed = (x: Elements) => {
    const shape = [x.shape[1]!, x.shape[0]!];
    return elements(x.dtype, shape, coordinates(shape).map(([i, j]) => at(x, [j!, i!])));
  };
  fc.assert(fc.property(sizes, ([a, b]) => {
    const output = { shape: [a.shape[0]!, b.shape[1]!], dtype: "float32" as const };
    const run = (x: Elements, y: Elements, pair: readonly [number, number]) =>
      runKernel(backend, "dot", { batch: [], contract: [pair] }, [x, y], output);
    const plain = run(a, b, [1, 0]);
    assert.deepEqual(run(transposed(a), b, [0, 0]), plain);
    assert.deepEqual(run(a, transposed(b), [1, 1]), plain);
    assert.deepEqual(run(transposed(a), transposed(b), [0, 1]), plain);
  }));
});

test("reference dot of float32 is not the float64 sum rounded once", () => {
  const a = elements("float32", [3], [2 ** 24, 1, 1]);
  const b = elements("float32", [3], [1, 1, 1]);
  const output = { shape: [], dtype: "float32" as const };
  const params = { batch: [], contract: [[0, 0]] as const };
  assert.deepEqual(runKernel(backend, "dot", params, [a, b], output), [2 ** 24]);
});

test("reference dot of two numbers multiplies", () => {
  fc.assert(fc.property(anyElement.float32, anyElement.float32, (a, b) => {
    const output = { shape: [], dtype: "float32" as const };
    const result = runKernel(backend, "dot", { batch: [], contract: [] }, [a, b], output);
    assert.deepEqual(result, [0 + Math.fround(a * b)]);
  }));
});
