import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { convProduct } from "../backends/webgpu/kernels/conv.ts";
import { dotProduct } from "../backends/webgpu/kernels/dot.ts";
import { lowerBy, waysOf } from "../backends/webgpu/kernels/lower-product.ts";
import type { Lower, ShaderLimits } from "../backends/webgpu/shader.ts";
import {
  conv,
  describeDevice,
  device,
  DeviceError,
  explain,
  grad,
  jit,
  key,
  matmul,
  mul,
  normal,
  OptionError,
  sum,
  type Tensor,
} from "../mod.ts";
import type { Kernel } from "../src/backend/program.ts";
import type { DType, TypedArray } from "../src/core/dtype.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { assertSums } from "./support/kernel-results.ts";
import { gpu, type KernelCase, runOnGpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { usualLimits } from "./support/shader-limits.ts";

const skipGpu = await skipWithoutGpu();
const hasFloat16 = skipGpu === false && (await gpu()).device.features.has("shader-f16");
// Deno's software adapter has it: there a missing one is a failure, where a GPU is expected.
const isExpected = process.env["SOFTSTEP_EXPECT_GPU"] === "1" && "Deno" in globalThis;
const skip = skipGpu || (!hasFloat16 && !isExpected && "the adapter has no shader-f16");
const skipWith = skipGpu || (hasFloat16 && "the adapter has shader-f16");

const limits: ShaderLimits = { ...usualLimits, float16: true };

type Sizes = readonly [batch: number, rows: number, columns: number, depth: number];

function dotKernel([batch, m, n, k]: Sizes, dtype: DType = "float32"): Kernel<"dot"> {
  const spec = (...shape: number[]) => ({ shape, dtype });
  return {
    op: "dot",
    params: { batch: [[0, 0]], contract: [[2, 1]] },
    operands: [{ buffer: 0, spec: spec(batch, m, k) }, { buffer: 1, spec: spec(batch, k, n) }],
    output: { buffer: 2, spec: spec(batch, m, n) },
  };
}

/** The ways of a product that go by tiles are all but the last. */
const byTiles = (way: number, parts = 1): Lower => (kernel, firstBuffer, limits) => {
  const product = kernel.op === "dot"
    ? dotProduct(kernel as Kernel<"dot">)
    : convProduct(kernel as Kernel<"conv">);
  const halved = { ...limits, float16: true };
  const ways = waysOf(product, halved);
  assert.equal(ways.length, 4);
  return lowerBy({ ...ways[way]!, parts }, product, firstBuffer, halved);
};

/** The nearest float16, ties to even. */
function float16(value: number): number {
  const size = Math.abs(value);
  if (value === 0 || !Number.isFinite(value)) return value;
  if (size >= 65520) return Math.sign(value) * Infinity;
  const step = 2 ** (Math.max(Math.floor(Math.log2(size)), -14) - 10);
  const below = Math.floor(size / step);
  const over = size / step - below;
  const up = over > 0.5 || (over === 0.5 && below % 2 === 1);
  return Math.sign(value) * (up ? below + 1 : below) * step;
}

/** Numbers that are normal in float16. */
function normalNumbers(shape: readonly number[], seed: number): TypedArray {
  return fillSeeded("float32", shape, seed).map((x) => Math.abs(x) < 2 ** -14 ? 0.5 : x);
}

function normalCase(kernel: Kernel, seed: number): KernelCase {
  const inputs = kernel.operands.map(({ spec }, i) => normalNumbers(spec.shape, seed + 9 * i));
  return { kernel, inputs };
}

const rounded = ({ kernel, inputs }: KernelCase): KernelCase => ({
  kernel,
  inputs: inputs.map((input) => input.map(float16)),
});

/** The sums of products in float64, and those of their sizes. */
function exactDot([batch, m, n, k]: Sizes, [a, b]: readonly TypedArray[]) {
  const [sums, sizes] = [new Float64Array(batch * m * n), new Float64Array(batch * m * n)];
  for (let at = 0; at < sums.length; at++) {
    const [block, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
    for (let step = 0; step < k; step++) {
      const product = a![(block * m + i) * k + step]! * b![(block * k + step) * n + j]!;
      sums[at]! += product;
      sizes[at]! += Math.abs(product);
    }
  }
  return { sums, sizes };
}

/** What two roundings to float16, and sums of float32, may be off, in parts of the sum of |a| |b|. */
const bound = (depth: number) => 2 ** -10 + 2 ** -22 + 1.01 * depth * 2 ** -24;

test("webgpu float16: tiles hold it and nothing else does", () => {
  const sizes: Sizes = [1, 130, 66, 40];
  const split = { parts: 1, depth: 40, target: 2 };
  const codes = (kernel: Kernel<"dot">, limits: ShaderLimits) =>
    waysOf(dotProduct(kernel), limits).map(({ shader }) => shader(split));
  const [large, middle, small, elements] = codes(dotKernel(sizes), limits);
  for (const { code, label } of [large!, middle!, small!]) {
    assert.match(label, /^product by tiles of \d+x\d+, float16$/);
    assert.match(code, /^enable f16;\n/);
    assert.match(code, /var<workgroup> aTile: array<vec4<f16>, \d+>;/);
    assert.match(code, /var sum\d+_\d+ = vec4<f32>\(\);/);
  }
  assert.doesNotMatch(elements!.code, /f16/);
  for (
    const shaders of [
      codes(dotKernel(sizes, "int32"), limits),
      codes(dotKernel(sizes), { ...limits, float16: false }),
    ]
  ) {
    for (const { code, label } of shaders) assert.doesNotMatch(code + label, /f16|float16/);
  }
});

test("webgpu float16: larger tiles fit the same memory", () => {
  const product = dotProduct(dotKernel([1, 256, 256, 256]));
  const least = { ...limits, workgroupStorage: 8192 };
  assert.equal(waysOf(product, least).length, 4);
  assert.equal(waysOf(product, { ...least, float16: false }).length, 3);
});

// Off and on multiples of four, of tiles and of steps.
const sizesOfAll: readonly Sizes[] = [
  [2, 129, 130, 37],
  [1, 128, 64, 48],
  [1, 34, 70, 1],
  [3, 1, 67, 301],
  [1, 200, 3, 8],
];

test(
  "webgpu float16: a product is that of rounded operands, within the bound",
  { skip },
  async () => {
    const cases = sizesOfAll.map((sizes, i) => normalCase(dotKernel(sizes), i + 1));
    for (const [way, parts] of [[0, 1], [1, 3], [2, 1], [2, 2]] as const) {
      const results = await runOnGpu(cases, byTiles(way, parts));
      let isRounded = false;
      cases.forEach((each, i) => {
        const depth = sizesOfAll[i]![3];
        const { sums, sizes } = exactDot(sizesOfAll[i]!, each.inputs);
        sums.forEach((sum, at) => {
          const error = Math.abs(results[i]![at]! - sum);
          assert.ok(error <= bound(depth) * sizes[at]!, `${sizesOfAll[i]} ${at}: ${error}`);
          isRounded ||= error > 2 ** -13 * sizes[at]!;
        });
        assertSums(rounded(each), results[i]!, depth);
      });
      assert.ok(isRounded, "nothing was rounded to float16");
    }
  },
);

test("webgpu float16: patches of convolutions are rounded as well", { skip }, async () => {
  const spec = (...shape: number[]) => ({ shape, dtype: "float32" }) as const;
  const kernel: Kernel<"conv"> = {
    op: "conv",
    params: {
      stride: [2, 1],
      low: [1, 2],
      high: [1, 0],
      kernelDilation: [1, 2],
      inputDilation: [1, 1],
    },
    operands: [{ buffer: 0, spec: spec(2, 2, 9, 8, 3) }, {
      buffer: 1,
      spec: spec(2, 3, 2, 3, 5),
    }],
    output: { buffer: 2, spec: spec(2, 2, 5, 8, 5) },
  };
  const each = normalCase(kernel, 4);
  for (const way of [0, 2]) {
    const [result] = await runOnGpu([each], byTiles(way));
    assertSums(rounded(each), result!, 18);
  }
});

test(
  "webgpu float16: what is too large is infinite, and what is not finite stays so",
  { skip },
  async () => {
    const edges = [65504, 65519.99609375, 65520, 70000, 3e38, Infinity, NaN, 2 ** -14];
    const values = [...edges, ...edges.map((value) => -value)];
    const a = Float32Array.from(values);
    const kernel = dotKernel([1, a.length, 3, 1]);
    // Negative ones, and zeros, which make NaN of infinities.
    const each = { kernel, inputs: [a, Float32Array.of(1, -2, 0)] };
    const expected = values.flatMap((value) => {
      const size = Math.abs(value);
      const held = size < 65520
        ? Math.min(size, 65504)
        : size > 65520 || size === 65520
        ? Infinity
        : NaN;
      return [1, -2, 0].map((other) => Math.sign(value) * held * other + 0);
    });
    for (const way of [0, 1, 2]) {
      const [result] = await runOnGpu([each], byTiles(way));
      assert.deepEqual(Array.from(result!, (value) => value + 0), expected);
    }
    // Products are not rounded again: they may pass what float16 holds, either way.
    const inputs = [Float32Array.of(60000, 2 ** -14), Float32Array.of(60000, 2 ** -14)];
    const [beyond] = await runOnGpu([{ kernel: dotKernel([2, 1, 1, 1]), inputs }], byTiles(2));
    assert.deepEqual([...beyond!], [60000 ** 2, 2 ** -28]);
  },
);

test("webgpu float16: what is small is rounded by 2^-25, or is 0", { skip }, async () => {
  const a = fillSeeded("float32", [70], 3).map((x) => x * 2 ** -14);
  const kernel = dotKernel([1, 70, 1, 1]);
  const [result] = await runOnGpu([{ kernel, inputs: [a, Float32Array.of(1)] }], byTiles(2));
  result!.forEach((value, i) => assert.ok(value === 0 || value === float16(a[i]!), `${a[i]}`));
});

async function data64(...tensors: Tensor[]): Promise<TypedArray[]> {
  return await Promise.all(tensors.map((each) => each.data()));
}

function transposed(x: TypedArray, rows: number): Float64Array {
  const columns = x.length / rows;
  return Float64Array.from(x, (_, i) => x[i % rows * columns + Math.floor(i / rows)]!);
}

test("webgpu float16: a device of its own, with gradients within the bound", { skip }, async () => {
  const name = await device("gpu", { matmulPrecision: "float16", required: true });
  assert.equal(name, "gpu:float16");
  assert.match(describeDevice(name), /, matrix products in float16$/);
  const plain = await device("gpu", { matmulPrecision: "float32", required: true });
  assert.equal(plain, "gpu");
  assert.doesNotMatch(describeDevice(plain), /float16/);

  const [m, n, k] = [250, 270, 260];
  const made = (seed: number, shape: number[]) => normal(key(seed, { device: name }), shape);
  const [a, b, weights] = [made(1, [m, k]), made(2, [k, n]), made(3, [m, n])];
  const product = jit((a: Tensor, b: Tensor) => matmul(a, b));
  assert.match(explain(product, a, b).kernels[0]!.runs!, /^WGSL, product by tiles of .*, float16$/);
  const loss = (a: Tensor, b: Tensor) => sum(mul(matmul(a, b), weights));
  const gradients = jit((a: Tensor, b: Tensor) => [
    grad(loss)(a, b),
    grad((b: Tensor) => loss(a, b))(b),
  ]);
  const ways = explain(gradients, a, b).kernels.filter(({ op }) => op === "dot");
  assert.ok(ways.length >= 2);
  for (const { runs } of ways) assert.match(runs!, /, float16/);
  const [first, second] = gradients(a, b) as [Tensor, Tensor];
  const [y, da, db, A, B, W] = await data64(product(a, b), first, second, a, b, weights);
  const checks: [Sizes, TypedArray, [TypedArray, TypedArray]][] = [
    [[1, m, n, k], y!, [A!, B!]],
    [[1, m, k, n], da!, [W!, transposed(B!, k) as never]],
    [[1, k, n, m], db!, [transposed(A!, m) as never, W!]],
  ];
  for (const [sizes, result, operands] of checks) {
    const exact = exactDot(sizes, operands);
    result.forEach((value, i) => {
      const error = Math.abs(value - exact.sums[i]!);
      assert.ok(error <= bound(sizes[3]) * exact.sizes[i]!, `${sizes} ${i}: ${error}`);
    });
  }

  const [x, w] = [made(4, [4, 32, 32, 16]), made(5, [3, 3, 16, 32])];
  const convolution = explain(jit((x: Tensor, w: Tensor) => conv(x, w)), x, w).kernels;
  assert.match(convolution.find(({ op }) => op === "conv")!.runs!, /, float16/);
});

test(
  "webgpu float16: without it products are in float32, and it is said",
  { skip: skipWith },
  async () => {
    const options = { matmulPrecision: "float16" } as const;
    const name = await device("gpu", options);
    assert.equal(name, "gpu:float16");
    assert.match(
      describeDevice(name),
      /, matrix products in float32, because the adapter has no shader-f16$/,
    );
    const a = normal(key(1, { device: name }), [64, 64]);
    const { kernels } = explain(jit((a: Tensor) => matmul(a, a)), a);
    assert.doesNotMatch(kernels.map(({ runs }) => runs).join(), /float16/);
    await assert.rejects(device("gpu", { ...options, required: true }), (error: Error) => {
      assert.ok(error instanceof DeviceError);
      assert.match(error.message, /^device: gpu:float16 has matrix products in float32, because/);
      return true;
    });
  },
);

test("webgpu float16: is refused with gpu.js, and other values are", async () => {
  const cases: [object, RegExp][] = [
    [{ matmulPrecision: "float16", compiler: "gpujs" }, /"float16" is not one of gpu\.js/],
    [{ matmulPrecision: "float16", mode: "cpu" }, /"float16" is not one of gpu\.js/],
    [{ matmulPrecision: "bfloat16" }, /matmulPrecision is "bfloat16"; expected one of float32, fl/],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(device("gpu", options as never), (error: Error) => {
      assert.ok(error instanceof OptionError);
      assert.match(error.message, message);
      return true;
    });
  }
});
