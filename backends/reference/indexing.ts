import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { copyRow } from "./movement.ts";
import { bits, type Run } from "./run.ts";

/** What `gather` gives for an index that is out of range, as `bits` shows it. */
const outside: Record<DType, number> = {
  float32: 0x7fc00000, // NaN
  float64: NaN,
  bfloat16: 0x7fc0, // NaN
  int32: -0x80000000,
  uint32: 0,
  bool: 0,
};

/** Makes `gather` ready. */
export function prepareGather({ params: { axis }, operands }: Kernel<"gather">): Run {
  const { shape, dtype } = operands[0]!.spec;
  const count = sizeOf(operands[1]!.spec.shape);
  const outer = sizeOf(shape.slice(0, axis));
  const extent = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  return (out, operands) => {
    const o = bits(out);
    const x = bits(operands[0]!);
    const indices = operands[1]!;
    let to = 0;
    for (let block = 0; block < outer; block++) {
      for (let i = 0; i < count; i++, to += inner) {
        const index = indices[i]!;
        if (index < 0 || index >= extent) o.fill(outside[dtype], to, to + inner);
        else copyRow(o, to, 1, x, (block * extent + index) * inner, 1, inner);
      }
    }
  };
}

/** Makes `scatterAdd` ready. */
export function prepareScatterAdd({ params, operands }: Kernel<"scatterAdd">): Run {
  const { axis, extent } = params;
  const { shape } = operands[0]!.spec;
  const indexShape = operands[1]!.spec.shape;
  const count = sizeOf(indexShape);
  const outer = sizeOf(shape.slice(0, axis));
  const inner = sizeOf(shape.slice(axis + indexShape.length));
  return (out, operands) => {
    const updates = operands[0]!;
    const indices = operands[1]!;
    out.fill(0);
    let from = 0;
    for (let block = 0; block < outer; block++) {
      for (let i = 0; i < count; i++, from += inner) {
        const index = indices[i]!;
        if (index < 0 || index >= extent) continue;
        addRow(out, (block * extent + index) * inner, updates, from, inner);
      }
    }
  };
}

/** Storing rounds each sum to the dtype of `o`. */
function addRow(o: TypedArray, oi: number, a: TypedArray, ai: number, n: number): void {
  for (let i = 0; i < n; i++) o[oi + i] = o[oi + i]! + a[ai + i]!;
}
