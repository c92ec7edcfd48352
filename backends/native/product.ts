import type { Kernel } from "../../src/backend/program.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import type { Blas } from "./blas.ts";
import { blasConv } from "./conv.ts";
import { blasDot } from "./dot.ts";

/** A matrix product or a convolution by a BLAS; undefined where another way is better. */
export function blasProduct(
  blas: Blas,
  kernel: Kernel<"dot"> | Kernel<"conv">,
): ((out: TypedArray, a: TypedArray, b: TypedArray) => void) | undefined {
  return kernel.op === "dot"
    ? blasDot(blas, kernel as Kernel<"dot">)
    : blasConv(blas, kernel as Kernel<"conv">);
}
