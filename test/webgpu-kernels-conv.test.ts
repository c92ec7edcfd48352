import { test } from "node:test";
import fc from "fast-check";
import { convProduct } from "../backends/webgpu/kernels/conv.ts";
import { lowerBy, waysOf } from "../backends/webgpu/kernels/lower-product.ts";
import { lowerKernel } from "../backends/webgpu/kernels/mod.ts";
import type { Lower } from "../backends/webgpu/shader.ts";
import type { Kernel } from "../src/backend/program.ts";
import { sizeOf } from "../src/core/shape.ts";
import {
  anyConvolution,
  type Axis,
  convKernel,
  type Convolution,
  plainAxis,
} from "./support/convolutions.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { assertSums } from "./support/kernel-results.ts";
import { compilesSlowly, runOnGpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";

const skip = await skipWithoutGpu();
const few = await compilesSlowly();

async function check(
  convolutions: readonly Convolution[],
  seed: number,
  lower: Lower = lowerKernel,
): Promise<void> {
  const cases = convolutions.map((convolution, i) => {
    const kernel = convKernel(convolution);
    const inputs = kernel.operands.map(({ spec: { dtype, shape } }, side) =>
      fillSeeded(dtype, shape, seed + 31 * i + side)
    );
    return { kernel: kernel as Kernel, inputs };
  });
  const results = await runOnGpu(cases, lower);
  cases.forEach((each, i) => {
    // Window and channels.
    const steps = sizeOf(each.kernel.operands[1]!.spec.shape.slice(1, -1));
    assertSums(each, results[i]!, steps);
  });
}

const onGpu = anyConvolution.map((convolution): Convolution =>
  convolution.dtype === "float64" ? { ...convolution, dtype: "float32" } : convolution
);

test("webgpu conv of any geometry is that of the reference", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(onGpu, few ? { minLength: 8, maxLength: 10 } : { minLength: 20, maxLength: 30 }),
      fc.nat(),
      (some, seed) => check(some, seed),
    ),
    { numRuns: few ? 1 : 4, endOnFailure: true },
  );
});

const same = (input: number, window: number): Axis => ({
  ...plainAxis,
  input,
  window,
  low: window >> 1,
  high: (window - 1) >> 1,
});
const float32 = { dtype: "float32", groups: 1 } as const;

test("webgpu conv is that of the reference in each of its ways", { skip }, async () => {
  const spread = {
    ...same(9, 3),
    stride: 2,
    inputDilation: 2,
    kernelDilation: 3,
    low: -1,
    high: 4,
  };
  const convolutions: Convolution[] = [
    { ...float32, axes: [same(9, 3), same(8, 3)], batch: 2, channels: 5, outputs: 70 },
    { ...float32, axes: [same(7, 3), spread], batch: 1, channels: 16, outputs: 36, groups: 2 },
    { dtype: "int32", axes: [same(40, 4)], batch: 3, channels: 3, outputs: 9, groups: 2 },
    // Each channel by itself; x as the matrix; volumes.
    { ...float32, axes: [same(9, 3), same(9, 3)], batch: 2, channels: 1, outputs: 1, groups: 12 },
    { ...float32, axes: [same(12, 1), same(11, 1)], batch: 2, channels: 40, outputs: 64 },
    { ...float32, axes: [same(5, 2), same(6, 3), same(4, 2)], batch: 2, channels: 4, outputs: 8 },
  ];
  for (let way = 0; way < 4; way++) {
    let parts = way % 2 + 1;
    await check(convolutions, 3, (kernel, firstBuffer, limits) => {
      const product = convProduct(kernel as Kernel<"conv">);
      parts = 3 - parts;
      return lowerBy({ ...waysOf(product, limits)[way]!, parts }, product, firstBuffer, limits);
    });
  }
});

test(
  "webgpu conv with long sums and with many outputs is that of the reference",
  { skip },
  async () => {
    const wide = { ...same(200, 70), high: 0 };
    await check([
      { ...float32, axes: [same(13, 3), same(14, 3)], batch: 2, channels: 64, outputs: 70 },
      { ...float32, axes: [same(9, 41), same(9, 40)], batch: 3, channels: 3, outputs: 20 },
      { ...float32, axes: [wide], batch: 2, channels: 60, outputs: 4, groups: 2 },
      // As in the derivative by a window: images are channels, and what is slid is large.
      {
        ...float32,
        axes: [{ ...same(30, 28), low: 1, high: 0 }],
        batch: 8,
        channels: 64,
        outputs: 16,
      },
    ], 5);
  },
);
