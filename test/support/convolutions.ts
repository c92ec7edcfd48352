import fc from "fast-check";
import "../../mod.ts";
import type { Kernel } from "../../src/backend/program.ts";
import type { DType } from "../../src/core/dtype.ts";
import type { TensorSpec } from "../../src/core/shape.ts";
import { primitiveOf } from "../../src/tracing/primitive.ts";

/** What is said about one spatial axis. */
export interface Axis {
  readonly input: number;
  readonly window: number;
  readonly stride: number;
  readonly low: number;
  readonly high: number;
  readonly inputDilation: number;
  readonly kernelDilation: number;
}

/** A convolution of any number of spatial axes. */
export interface Convolution {
  readonly dtype: DType;
  readonly axes: readonly Axis[];
  readonly groups: number;
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
}

/** An axis on which nothing happens but the window. */
export const plainAxis = {
  stride: 1,
  low: 0,
  high: 0,
  inputDilation: 1,
  kernelDilation: 1,
} as const;

/** The kernel of a convolution: x in buffer 0, w in 1, the result in 2. */
export function convKernel(
  { dtype, axes, groups, batch, channels, outputs }: Convolution,
): Kernel<"conv"> {
  const each = (name: keyof Axis) => axes.map((axis) => axis[name]);
  const params = {
    stride: each("stride"),
    low: each("low"),
    high: each("high"),
    inputDilation: each("inputDilation"),
    kernelDilation: each("kernelDilation"),
  };
  const x: TensorSpec = { shape: [groups, batch, ...each("input"), channels], dtype };
  const w: TensorSpec = { shape: [groups, ...each("window"), channels, outputs], dtype };
  const spec = primitiveOf("conv").infer(params, x, w);
  return {
    op: "conv",
    params,
    operands: [{ buffer: 0, spec: x }, { buffer: 1, spec: w }],
    output: { buffer: 2, spec },
  };
}

const upTo = (least: number, most: number) => fc.integer({ min: least, max: most });
const anyAxis: fc.Arbitrary<Axis> = fc.record({
  input: upTo(0, 9),
  window: upTo(0, 4),
  stride: upTo(1, 3),
  low: upTo(-2, 3),
  high: upTo(-2, 3),
  inputDilation: upTo(1, 3),
  kernelDilation: upTo(1, 3),
});
/** Any small convolution, empty ones included. */
export const anyConvolution: fc.Arbitrary<Convolution> = fc.record({
  dtype: fc.constantFrom<DType>("float32", "float64", "int32"),
  axes: fc.array(fc.oneof(anyAxis, anyAxis.map((axis) => ({ ...axis, ...plainAxis }))), {
    maxLength: 3,
  }),
  groups: upTo(1, 2),
  batch: upTo(0, 3),
  channels: upTo(0, 9),
  outputs: upTo(0, 19),
});
