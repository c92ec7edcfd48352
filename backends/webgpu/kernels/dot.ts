import type { Kernel } from "../../../src/backend/program.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import type { Lowered, ShaderLimits } from "../shader.ts";
import { axesOf } from "../../../src/core/axes.ts";
import { lowerProduct } from "./lower-product.ts";
import { matrixOperand } from "./matrix-operand.ts";
import type { Product } from "./product.ts";

/** Makes shaders of `dot`. */
export function lowerDot(
  kernel: Kernel<"dot">,
  firstBuffer: number,
  limits: ShaderLimits,
): Lowered {
  return lowerProduct("dot", dotProduct(kernel), firstBuffer, limits);
}

/** `dot` as products of matrices. Axes in any order are index maps: nothing is copied. */
export function dotProduct(
  { params: { batch, contract }, operands, output }: Kernel<"dot">,
): Product {
  const sides = [operands[0]!, operands[1]!].map((operand, side) => {
    const { shape } = operand.spec;
    const used = [...batch, ...contract].map((pair) => pair[side]!);
    const free = shape.map((_, axis) => axis).filter((axis) => !used.includes(axis));
    return {
      extent: sizeOf(free.map((axis) => shape[axis]!)),
      operand: matrixOperand(operand, {
        batch: axesOf(shape, batch.map((pair) => pair[side]!)),
        free: axesOf(shape, free),
        depth: axesOf(shape, contract.map((pair) => pair[side]!)),
      }),
    };
  });
  const [left, right] = sides as [typeof sides[0], typeof sides[0]];
  const { shape, dtype } = operands[0]!.spec;
  return {
    batches: sizeOf(batch.map(([axis]) => shape[axis]!)),
    rows: left.extent,
    columns: right.extent,
    depth: sizeOf(contract.map(([axis]) => shape[axis]!)),
    a: left.operand,
    b: right.operand,
    dtype,
    output: output.buffer,
  };
}
