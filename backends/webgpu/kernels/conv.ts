import type { Kernel } from "../../../src/backend/program.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import type { Lowered, ShaderLimits } from "../shader.ts";
import { axesOf } from "../../../src/core/axes.ts";
import { lowerProduct } from "./lower-product.ts";
import { matrixOperand } from "./matrix-operand.ts";
import { patchOperand } from "./patch-operand.ts";
import type { Product } from "./product.ts";

/** Makes shaders of `conv`. */
export function lowerConv(
  kernel: Kernel<"conv">,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  return lowerProduct("conv", convProduct(kernel), firstBuffer, limits);
}

/** `conv` as a product of matrices for each group: patches of the images times the window. */
export function convProduct({ params, operands, output }: Kernel<"conv">): Product {
  const [x, w] = [operands[0]!, operands[1]!];
  const { shape, dtype } = x.spec;
  const [groups, images] = shape as [number, number];
  const [channels, outputs] = w.spec.shape.slice(-2) as [number, number];
  const input = shape.slice(2, -1);
  const window = w.spec.shape.slice(1, -2);
  const positions = output.spec.shape.slice(2, -1);
  const rank = shape.length;

  // A window of one element everywhere in x: x is the matrix.
  const isPlain = sizeOf(window) === 1 && params.low.every((low) => low === 0) &&
    positions.every((extent, axis) => extent === input[axis]) &&
    params.stride.every((stride) => stride === 1) &&
    params.inputDilation.every((dilation) => dilation === 1);
  const pixelAxes = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  // A buffer without elements cannot be bound. Where there are no pixels, all of the patches is padding.
  const pixels = sizeOf(input) === 0 ? { literal: 0, spec: x.spec } : x;
  const a = isPlain
    ? matrixOperand(x, {
      batch: axesOf(shape, [0]),
      free: axesOf(shape, pixelAxes),
      depth: axesOf(shape, [rank - 1]),
    })
    : patchOperand(pixels, { ...params, images, input, positions, window, channels });
  const b = matrixOperand(w, {
    batch: axesOf(w.spec.shape, [0]),
    free: axesOf(w.spec.shape, [rank - 1]),
    depth: axesOf(w.spec.shape, Array.from({ length: rank - 2 }, (_, i) => i + 1)),
  });
  return {
    batches: groups,
    rows: images * sizeOf(positions),
    columns: outputs,
    depth: sizeOf(window) * channels,
    a,
    b,
    dtype,
    output: output.buffer,
  };
}
