import assert from "node:assert/strict";
import type { TypedArray } from "../../src/core/dtype.ts";
import { formatSpec, type TensorSpec } from "../../src/core/shape.ts";
import { type KernelCase, runReference } from "./webgpu-kernel.ts";

/** What a message says of a kernel. */
function contextOf({ kernel: { op, params, operands, output } }: KernelCase): string {
  const specOf = ({ spec }: { readonly spec: TensorSpec }) => formatSpec(spec);
  return `${op} ${JSON.stringify(params)} of ${operands.map(specOf).join(" and ")} to ${
    specOf(output)
  }`;
}

/** Holds a result against the reference: equal numbers, NaN for NaN, either zero for a zero. */
export function assertSame(each: KernelCase, actual: TypedArray): void {
  const expected = runReference(each);
  assert.equal(actual.length, expected.length, contextOf(each));
  for (let i = 0; i < expected.length; i++) {
    const [is, should] = [actual[i]!, expected[i]!];
    if (is !== should && !Object.is(is, should)) {
      assert.fail(`${contextOf(each)}: element ${i} is ${is}, and ${should} in the reference`);
    }
  }
}

/** The relative error of one rounding of float32. */
const unit = 2 ** -24;

/**
 * Holds sums of `steps` products against the reference. The order of a sum is free, and so is fusing it with a product:
 * each of the two results is within steps * unit * sum |a||b| of the true one, and a little for the roundings of the bound.
 * Whole numbers are equal; NaN and infinities are where the reference has them.
 */
export function assertSums(each: KernelCase, actual: TypedArray, steps: number): void {
  const expected = runReference(each);
  assert.equal(actual.length, expected.length, contextOf(each));
  const bounds = each.kernel.output.spec.dtype !== "float32" ? undefined : runReference({
    ...each,
    inputs: each.inputs.map((input) => input instanceof Float32Array ? input.map(Math.abs) : input),
  });
  for (let i = 0; i < expected.length; i++) {
    const [is, should] = [actual[i]!, expected[i]!];
    const bound = 2.01 * steps * unit * (bounds?.[i] ?? 0);
    const isClose = Object.is(is, should) || is === should || Math.abs(is - should) <= bound;
    if (!isClose) {
      assert.fail(
        `${contextOf(each)}: element ${i} is ${is}, and ${should} (+- ${bound}) in the reference`,
      );
    }
  }
}
