import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dotProduct } from "../backends/webgpu/kernels/dot.ts";
import { lowerBy, waysOf } from "../backends/webgpu/kernels/lower-product.ts";
import { lowerKernel } from "../backends/webgpu/kernels/mod.ts";
import type { Kernel } from "../src/backend/program.ts";
import type { DType } from "../src/core/dtype.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { assertSums } from "./support/kernel-results.ts";
import {
  anyAxes,
  type DotCase,
  dotKernel,
  innerLayouts,
  matrices,
  outerLayouts,
  type Product,
} from "./support/products.ts";
import { compilesSlowly, gpu, runOnGpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { usualLimits } from "./support/shader-limits.ts";

const skip = await skipWithoutGpu();
const few = await compilesSlowly();

function caseOf(product: Product, seed: number): DotCase {
  const { dtype, a, b } = product;
  const inputs = [fillSeeded(dtype, a, seed), fillSeeded(dtype, b, seed + 9)] as const;
  return { kernel: dotKernel(product), inputs };
}

/** The number of steps of the sum. */
const depthOf = ({ a, contract }: Product) =>
  contract.reduce((depth, [axis]) => depth * a[axis]!, 1);

async function check(products: readonly Product[], seed = 1): Promise<void> {
  const cases = products.map((product, i) => caseOf(product, seed + 31 * i));
  const results = await runOnGpu(cases);
  products.forEach((product, i) => assertSums(cases[i]!, results[i]!, depthOf(product)));
}

const dtypes: readonly DType[] = ["float32", "float32", "int32", "uint32"];
const anyProduct: fc.Arbitrary<Product> = anyAxes({
  dtypes,
  mostContracted: 3,
  largestExtent: 9,
  extentsPerZero: 16,
});

test("webgpu dot of any axes in any order is that of the reference", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyProduct, { minLength: 10, maxLength: 20 }), fc.nat(), check),
    { numRuns: few ? 1 : 4, endOnFailure: true },
  );
});

const anyExtent = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129),
  fc.integer({ min: 1, max: 200 }),
);
const anyLayout = fc.constantFrom(...outerLayouts, ...innerLayouts);
const anyMatrices: fc.Arbitrary<Product> = fc.tuple(
  fc.tuple(fc.integer({ min: 0, max: 3 }), anyExtent, anyExtent, anyExtent),
  fc.tuple(anyLayout, anyLayout),
  fc.constantFrom(...dtypes),
).map((args) => matrices(...args));

test("webgpu dot of any sizes and layouts is that of the reference", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyMatrices, { minLength: 10, maxLength: 20 }), fc.nat(), check),
    { numRuns: few ? 1 : 3, endOnFailure: true },
  );
});

test("webgpu dot is that of the reference in each of its ways", { skip }, async () => {
  const { limits } = await gpu();
  // Off and on multiples of four, of tiles and of steps; and vectors.
  const [odd, even] = [[2, 129, 130, 37], [1, 128, 64, 48]] as const;
  const [row, column] = [[1, 1, 76, 300], [2, 67, 1, 301]] as const;
  const products: Product[] = [
    matrices(odd),
    matrices(odd, ["bcf", "bfc"]),
    matrices(odd, ["fcb", "cfb"]),
    matrices(odd, ["bfc", "bcf"], "int32"),
    matrices(even, ["bcf", "bcf"]),
    matrices(even, ["bfc", "bfc"]),
    matrices(even),
    // One step: nothing but the columns says that they are in fours.
    matrices([1, 34, 70, 1]),
    matrices(row),
    matrices(row, ["bfc", "bfc"]),
    matrices(column, ["bcf", "bcf"]),
    matrices(column),
  ];
  const cases = products.map((product, i) => caseOf(product, i));
  const count = waysOf(dotProduct(cases[0]!.kernel), limits).length;
  assert.equal(count, 4);
  for (let way = 0; way < count; way++) {
    let parts = 3;
    const results = await runOnGpu(cases, (kernel, firstBuffer, limits) => {
      const product = dotProduct(kernel as Kernel<"dot">);
      parts = 4 - parts;
      return lowerBy({ ...waysOf(product, limits)[way]!, parts }, product, firstBuffer, limits);
    });
    products.forEach((product, i) => assertSums(cases[i]!, results[i]!, depthOf(product)));
  }
});

test("webgpu dot of a sum of more steps than a loop may have turns", { skip }, async () => {
  const { limits } = await gpu();
  const product = matrices([1, 12, 12, 70001], ["bfc", "bcf"], "int32");
  const each = caseOf(product, 1);
  for (const way of waysOf(dotProduct(each.kernel), limits)) {
    const [result] = await runOnGpu([each], (kernel, firstBuffer, limits) => {
      const product = dotProduct(kernel as Kernel<"dot">);
      return lowerBy({ ...way, parts: 1 }, product, firstBuffer, limits);
    });
    assertSums(each, result!, depthOf(product));
  }
});

test("webgpu dot chooses tiles, lanes and parts by what there is to do", () => {
  // deno-fmt-ignore -- a way a line
  const ways: readonly [string, readonly [number, number, number, number]][] = [
    ["product by tiles of 128x128", [1, 4096, 4096, 4096]],
    ["product by tiles of 64x64", [1, 1024, 1024, 1024]],
    ["product by tiles of 32x32", [1, 256, 256, 256]],
    ["product by tiles of 32x32, sum of 28 parts", [1, 90, 80, 20001]],
    ["product by elements", [4096, 8, 8, 15]],
    ["product by elements, 32 lanes", [1, 4096, 1, 4096]],
    ["product by elements, 16 lanes", [1, 1, 4096, 4096]],
    ["product by elements, 256 lanes, sum of 92 parts", [1, 1, 1, 70001]],
  ];
  for (const [way, sizes] of ways) {
    const { shaders } = lowerKernel(dotKernel(matrices(sizes)), 3, usualLimits);
    assert.equal(shaders.map(({ label }) => label).join(", "), way, sizes.join());
  }
  const least = { ...usualLimits, invocationsPerWorkgroup: 128, workgroupStorage: 8192 };
  const { shaders: [shader] } = lowerKernel(dotKernel(matrices([1, 4096, 4096, 4096])), 3, least);
  assert.equal(shader!.label, "product by tiles of 64x64");
});

test("webgpu dot keeps infinities and NaN where they belong", { skip }, async () => {
  const sizes = [[1, 70, 70, 5], [1, 300, 300, 5], [64, 128, 130, 3], [1, 1, 300, 300]] as const;
  const cases = sizes.map((each) => {
    const { kernel, inputs: [a, b] } = caseOf(matrices(each), 5);
    const [, m, n, k] = each;
    a[0] = Infinity;
    b[1] = NaN;
    // An infinity of the last step, beside what is filled up with zeros.
    a[k * m - 1] = -Infinity;
    b[k * n - 1] = Infinity;
    return { kernel, inputs: [a, b] };
  });
  const results = await runOnGpu(cases);
  cases.forEach((each, i) => assertSums(each, results[i]!, sizes[i]![3]));
});

test("webgpu dot takes scalars that are written into the program", { skip }, async () => {
  const spec = { shape: [], dtype: "float32" } as const;
  const kernel = {
    op: "dot",
    params: { batch: [], contract: [] },
    operands: [{ literal: -Infinity, spec }, { buffer: 0, spec: { ...spec, shape: [7] } }],
    output: { buffer: 1, spec: { ...spec, shape: [7] } },
  } as Kernel;
  const [result] = await runOnGpu([{ kernel, inputs: [Float32Array.of(1, -2, 3, 0, -5, 6, NaN)] }]);
  assert.deepEqual([...result!], [1, -2, 3, 0, -5, 6, NaN].map((each) => each * -Infinity));
});

test("webgpu dot gives the same bits every time", { skip }, async () => {
  const products = [
    matrices([1, 90, 80, 20001]),
    matrices([1, 1, 1, 70001]),
    matrices([3, 200, 170, 60]),
  ];
  const cases = products.map((product) => caseOf(product, 3));
  const first = await runOnGpu(cases);
  for (let i = 0; i < 3; i++) assert.deepEqual(await runOnGpu(cases), first);
});

test("webgpu dot refuses what it cannot multiply", { skip }, async () => {
  const { limits } = await gpu();
  for (const dtype of ["bool", "float64", "bfloat16"] as const) {
    assert.throws(
      () => lowerKernel(dotKernel(matrices([1, 2, 3, 4], ["bfc", "bcf"], dtype)), 3, limits),
      {
        name: "DeviceError",
        message: `dot: cannot take ${dtype} on the GPU; expected float32, int32 or uint32`,
      },
    );
  }
});
