import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import type { DType } from "../src/core/dtype.ts";
import { sameShape, withoutAxes } from "../src/core/shape.ts";
import { anyElements, anyShape, at, coordinates } from "./support/kernel-arbitraries.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";

const backend = referenceBackend();
const numeric: readonly DType[] = ["float32", "float64", "int32", "uint32"];

const add: Partial<Record<DType, (a: number, b: number) => number>> = {
  float32: (a, b) => Math.fround(a + b),
  float64: (a, b) => a + b,
  int32: (a, b) => Number(BigInt.asIntN(32, BigInt(a) + BigInt(b))),
  uint32: (a, b) => Number(BigInt.asUintN(32, BigInt(a) + BigInt(b))),
};

function extremes(dtype: DType): { least: number; largest: number } {
  if (dtype === "int32") return { least: -(2 ** 31), largest: 2 ** 31 - 1 };
  if (dtype === "uint32") return { least: 0, largest: 2 ** 32 - 1 };
  if (dtype === "bool") return { least: 0, largest: 1 };
  return { least: -Infinity, largest: Infinity };
}

/** The larger (sign 1) or smaller (sign -1) of all, NaN where any is; 0 counts as larger than -0. */
function extreme(values: readonly number[], sign: 1 | -1, initial: number): number {
  if (values.some(Number.isNaN)) return NaN;
  const exceeds = (a: number, b: number) => a > b || (a === b && Object.is(b, -0));
  return values.reduce(
    (best, value) => (sign > 0 ? exceeds(value, best) : exceeds(best, value)) ? value : best,
    initial,
  );
}

/** The elements that fall onto each result, in row-major order. */
function gathered(x: Elements, axes: readonly number[], kept: readonly number[]): number[][] {
  const all = coordinates(x.shape);
  return coordinates(kept).map((index) =>
    all.filter((place) => sameShape(place.filter((_, axis) => !axes.includes(axis)), index))
      .map((place) => at(x, place))
  );
}

const withAxes = (dtypes: readonly DType[]) =>
  fc.tuple(fc.constantFrom(...dtypes), anyShape()).chain(([dtype, shape]) =>
    fc.tuple(anyElements(dtype, shape), fc.subarray(shape.map((_, axis) => axis)))
  );

test("reference reduceSum adds in row-major order, each sum rounded", () => {
  fc.assert(fc.property(withAxes(numeric), ([x, axes]) => {
    const output = { shape: withoutAxes(x.shape, axes), dtype: x.dtype };
    const expected = gathered(x, axes, output.shape).map((each) => each.reduce(add[x.dtype]!, 0));
    assert.deepEqual(runKernel(backend, "reduceSum", { axes }, [x], output), expected);
  }));
});

test("reference reduceMax and reduceMin, also of bool and over nothing", () => {
  fc.assert(fc.property(withAxes([...numeric, "bool"]), ([x, axes]) => {
    const output = { shape: withoutAxes(x.shape, axes), dtype: x.dtype };
    const groups = gathered(x, axes, output.shape);
    const { least, largest } = extremes(x.dtype);
    const max = groups.map((each) => extreme(each, 1, least));
    const min = groups.map((each) => extreme(each, -1, largest));
    assert.deepEqual(runKernel(backend, "reduceMax", { axes }, [x], output), max);
    assert.deepEqual(runKernel(backend, "reduceMin", { axes }, [x], output), min);
  }));
});

test("reference reduceSum of float32 loses what float32 loses", () => {
  const x = elements("float32", [4], [2 ** 24, 1, 1, 1]);
  const output = { shape: [], dtype: "float32" as const };
  assert.deepEqual(runKernel(backend, "reduceSum", { axes: [0] }, [x], output), [2 ** 24]);
});

test("reference argMax finds the first largest element, the first NaN before all", () => {
  const cases = fc.tuple(fc.constantFrom(...numeric), anyShape(1)).chain(([dtype, shape]) =>
    fc.integer({ min: 0, max: shape.length - 1 }).chain((axis) => {
      const searched = shape.map((extent, i) => i === axis ? Math.max(extent, 1) : extent);
      return fc.tuple(anyElements(dtype, searched), fc.constant(axis));
    })
  );
  fc.assert(fc.property(cases, ([x, axis]) => {
    const output = { shape: withoutAxes(x.shape, [axis]), dtype: "int32" as const };
    const expected = gathered(x, [axis], output.shape).map((each) => {
      const nan = each.findIndex(Number.isNaN);
      return nan >= 0 ? nan : each.findIndex((value) => each.every((other) => value >= other));
    });
    assert.deepEqual(runKernel(backend, "argMax", { axis }, [x], output), expected);
  }));
});

test("reference cumSum sums up from either end, each sum rounded", () => {
  const cases = fc.tuple(fc.constantFrom(...numeric), anyShape(1)).chain(([dtype, shape]) =>
    fc.tuple(
      anyElements(dtype, shape),
      fc.integer({ min: 0, max: shape.length - 1 }),
      fc.boolean(),
    )
  );
  fc.assert(fc.property(cases, ([x, axis, reverse]) => {
    const expected = coordinates(x.shape).map((index) => {
      const before = Array.from({ length: x.shape[axis]! }, (_, i) => i)
        .filter((i) => reverse ? i >= index[axis]! : i <= index[axis]!);
      if (reverse) before.reverse();
      return before.map((i) => at(x, index.with(axis, i))).reduce(add[x.dtype]!);
    });
    assert.deepEqual(runKernel(backend, "cumSum", { axis, reverse }, [x], x), expected);
  }));
});
