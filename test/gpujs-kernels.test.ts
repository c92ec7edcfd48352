import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import type { DType } from "../src/core/dtype.ts";
import { type Shape, sizeOf } from "../src/core/shape.ts";
import { anyConvolution, convKernel } from "./support/convolutions.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { kernelProgram, type PrimitiveCase } from "./support/gpu-backend.ts";
import { modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";
import type { GpujsMode } from "../backends/gpujs/mod.ts";

const reference = referenceBackend();

const filled = (shape: Shape, seed: number, dtype: DType = "float32"): Elements =>
  elements(dtype, shape, [...fillSeeded(dtype, shape, seed)]);

/** Runs kernels, and holds them against the reference: sums of numbers up to 1 within `tolerance`. */
async function check(
  mode: GpujsMode,
  all: readonly PrimitiveCase[],
  tolerance: number,
  way = "gpu.js",
): Promise<void> {
  const results = await runProgramsOn(mode, all.map(kernelProgram));
  all.forEach(({ op, params, operands, output }, i) => {
    const what = `${op} ${JSON.stringify(params)} of ${
      JSON.stringify(operands.map((each) => typeof each === "number" ? each : each.shape))
    }`;
    assert.deepEqual(results[i]!.ways, [way], what);
    const expected = runKernel(reference, op, params as never, operands, output);
    results[i]!.values[0]!.forEach((value, k) => {
      const wanted = expected[k]!;
      const isClose = Object.is(value, wanted) || value === wanted ||
        Math.abs(value - wanted) <= tolerance;
      if (!isClose) assert.fail(`${what}: element ${k} is ${value}; expected ${wanted}`);
    });
  });
}

const sums = (
  shape: Shape,
  axes: readonly number[],
  op: "reduceSum" | "reduceMax" = "reduceSum",
): PrimitiveCase => ({
  op,
  params: { axes },
  operands: [filled(shape, 7)],
  output: { shape: shape.filter((_, axis) => !axes.includes(axis)), dtype: "float32" },
});

for (const mode of modes) {
  const options = { skip: await skipped(mode) };
  const substitute = mode === "webgpu" ? "WGSL" : "host";

  test(`gpujs ${mode}: contractions are the reference's`, options, async () => {
    const dot = (
      a: Shape,
      b: Shape,
      contract: readonly (readonly [number, number])[],
      batch: readonly (readonly [number, number])[],
      shape: Shape,
    ): PrimitiveCase => ({
      op: "dot",
      params: { contract, batch },
      operands: [filled(a, 3), filled(b, 5)],
      output: { shape, dtype: "float32" },
    });
    await check(mode, [
      dot([17, 33], [33, 9], [[1, 0]], [], [17, 9]),
      dot([33, 17], [9, 33], [[0, 1]], [], [17, 9]),
      dot([3, 4, 5, 6], [3, 6, 5, 2], [[3, 1], [2, 2]], [[0, 0]], [3, 4, 2]),
      dot([1500], [1500], [[0, 0]], [], []),
      dot([2, 3], [4], [], [], [2, 3, 4]),
      // Over a thousand steps, at which gpu.js ends a loop that it does not trust.
      dot([2, 5000], [5000, 2], [[1, 0]], [], [2, 2]),
    ], 2e-4);
  });

  test(`gpujs ${mode}: reductions of any size are the reference's`, options, async () => {
    await check(mode, [
      sums([5, 7], [1]),
      sums([5, 7], [0]),
      sums([5, 7, 3], [0, 2]),
      sums([3, 1001], [1]),
      // Cut into parts, the last of which is shorter.
      sums([5000], [0]),
      sums([3, 90, 61], [1, 2]),
      sums([70, 2, 111], [0, 2]),
      sums([100_003], [0]),
      sums([2, 60_000], [1], "reduceMax"),
      sums([300, 5000], [1]),
    ], 0.02);
  });

  test(`gpujs ${mode}: a sum of many terms is made of sums of blocks`, options, async () => {
    const [ones, n] = [elements("float32", [300, 6007], new Array(300 * 6007).fill(0.1)), 6007];
    const [result] = await runProgramsOn(mode, [kernelProgram({
      op: "reduceSum",
      params: { axes: [1] },
      operands: [ones],
      output: { shape: [300], dtype: "float32" },
    })]);
    // One running sum would be off by 2e-2.
    for (const value of result!.values[0]!) {
      assert.ok(Math.abs(value - n * Math.fround(0.1)) < 1e-3, `${value}`);
    }
  });

  test(
    `gpujs ${mode}: movement is exact, also where axes are too many or too large for division`,
    options,
    async () => {
      const transpose = (shape: Shape, permutation: readonly number[]): PrimitiveCase => ({
        op: "transpose",
        params: { permutation },
        operands: [filled(shape, 9)],
        output: { shape: permutation.map((axis) => shape[axis]!), dtype: "float32" },
      });
      await check(mode, [
        transpose([4, 5], [1, 0]),
        transpose([2, 3, 4, 5, 6], [4, 2, 0, 3, 1]),
        transpose([3, 130, 70, 50], [2, 0, 3, 1]),
        transpose([1300, 1100], [1, 0]),
        transpose([2, 300, 3, 700], [3, 2, 1, 0]),
      ], 0);
    },
  );

  test(`gpujs ${mode}: convolutions of any geometry are the reference's`, options, async () => {
    const drawn = fc.sample(anyConvolution, { numRuns: 60, seed: 4 }).map(convKernel)
      .filter(({ operands: [x, w], output: { spec } }) =>
        spec.dtype === "float32" && [x!.spec, w!.spec, spec].every(({ shape }) => sizeOf(shape) > 0)
      );
    assert.ok(drawn.length > 5);
    await check(
      mode,
      drawn.map(({ op, params, operands, output }): PrimitiveCase => ({
        op,
        params,
        operands: operands.map(({ spec }, i) => filled(spec.shape, i + 3)),
        output: output.spec,
      })),
      1e-4,
    );
  });

  test(`gpujs ${mode}: indexing is the reference's, out of range too`, options, async () => {
    const indices = elements("int32", [2, 3], [0, 4, -1, 5, 2, 2 ** 31 - 1]);
    const flat = elements("int32", [6], [0, 4, -1, 5, 2, 4]);
    const gather = (dtype: DType): PrimitiveCase => ({
      op: "gather",
      params: { axis: 1 },
      operands: [
        dtype === "float32"
          ? filled([3, 5, 2], 3)
          : elements(dtype, [3, 5, 2], Array.from({ length: 30 }, (_, i) => i % 2)),
        indices,
      ],
      output: { shape: [3, 2, 3, 2], dtype },
    });
    await check(mode, [
      gather("float32"),
      gather("bool"),
      gather("bfloat16"),
      {
        op: "scatterAdd",
        params: { axis: 1, extent: 5 },
        operands: [filled([3, 6, 2], 3), flat],
        output: { shape: [3, 5, 2], dtype: "float32" },
      },
    ], 1e-6);
    await check(mode, [gather("int32")], 0, substitute);
  });

  test(`gpujs ${mode}: argMax and cumSum are the reference's`, options, async () => {
    const x = elements("float32", [2, 6], [1, 3, 3, -Infinity, 2, 0, 1, NaN, 5, NaN, Infinity, 2]);
    const along = (
      op: "argMax" | "cumSum",
      operand: Elements,
      params: object,
      output: PrimitiveCase["output"],
    ) => ({ op, params, operands: [operand], output }) satisfies PrimitiveCase;
    await check(mode, [
      along("argMax", x, { axis: 1 }, { shape: [2], dtype: "int32" }),
      along("argMax", x, { axis: 0 }, { shape: [6], dtype: "int32" }),
      along("cumSum", x, { axis: 1, reverse: false }, { shape: [2, 6], dtype: "float32" }),
      along("cumSum", x, { axis: 1, reverse: true }, { shape: [2, 6], dtype: "float32" }),
      along("cumSum", filled([3, 50, 2], 5), { axis: 1, reverse: true }, {
        shape: [3, 50, 2],
        dtype: "float32",
      }),
    ], 1e-5);
    const zeros = elements("float32", [5], [-0, -0, 0, -0, 1]);
    const results = await runProgramsOn(
      mode,
      [false, true].map((reverse) =>
        kernelProgram(along("cumSum", zeros, { axis: 0, reverse }, zeros))
      ),
    );
    assert.deepEqual(results.map(({ values }) => values[0]), [[-0, -0, 0, 0, 1], [1, 1, 1, 1, 1]]);
  });

  test(`gpujs ${mode}: what fills a buffer in parts is right as well`, options, async () => {
    await check(
      mode,
      [
        {
          op: "concat",
          params: { axis: 1 },
          operands: [filled([2, 3], 3), filled([2, 5], 4)],
          output: { shape: [2, 8], dtype: "float32" },
        },
        {
          op: "pad",
          params: { low: [1, 2], high: [0, 3], inner: [1, 0] },
          operands: [filled([3, 4], 3)],
          output: { shape: [6, 9], dtype: "float32" },
        },
      ],
      0,
      substitute,
    );
    await check(
      mode,
      [{
        op: "threefry2x32",
        params: {},
        operands: [elements("uint32", [2], [5, 2 ** 32 - 1]), filled([9, 2], 8, "uint32")],
        output: { shape: [9, 2], dtype: "uint32" },
      }],
      0,
      substitute,
    );
  });
}
