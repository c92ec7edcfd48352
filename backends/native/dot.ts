/** The `dot` primitive by a BLAS, where its operands lie as a BLAS can read them. */
import type { Kernel } from "../../src/backend/program.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { type Shape, stridesOf } from "../../src/core/shape.ts";
import type { Blas, MatrixProduct } from "./blas.ts";

/** Writes the whole product to `out`; the arrays hold the operands in row-major order. */
export type BlasDot = (out: TypedArray, a: TypedArray, b: TypedArray) => void;

/** An operand as a list of matrices, one for each batch. Strides are in elements. */
interface Matrices {
  readonly free: number;
  readonly depth: number;
  /** Whether the free index is the one that runs through neighbours in memory. */
  readonly freeIsInner: boolean;
  /** From one row, as it lies in memory, to the next. */
  readonly row: number;
  /** Where the matrix of each batch begins. */
  readonly starts: readonly number[];
}

/**
 * Whether a library beats WebAssembly on one product of matrices, as measured with OpenBLAS: the smallest cost it more to
 * begin than to compute, and with few rows or columns there is more to read than to compute, which it does no better.
 */
function pays(m: number, n: number, k: number): boolean {
  return m * n * k >= 24 ** 3 && Math.min(m, n) >= 4;
}

/**
 * Makes a product ready, or gives undefined where another way is better: dtypes that BLAS does not know, operands whose
 * free or contracted axes one stride does not walk or that are contiguous along neither, numbers instead of memory,
 * and products that are not worth a call; empty ones must not be.
 */
export function blasDot(
  blas: Blas,
  { params, operands }: Kernel<"dot">,
  isWorthwhile: (m: number, n: number, k: number) => boolean = pays,
): BlasDot | undefined {
  const { dtype } = operands[0]!.spec;
  if (dtype !== "float32" && dtype !== "float64") return undefined;
  if (operands.some((operand) => "literal" in operand)) return undefined;
  const [left, right] = operands.map(({ spec }, side) =>
    matricesOf(
      spec.shape,
      params.batch.map((pair) => pair[side]!),
      params.contract.map((pair) => pair[side]!),
    )
  );
  if (left === undefined || right === undefined) return undefined;
  const { free: m, depth: k } = left;
  const { free: n } = right;
  if (!isWorthwhile(m, n, k)) return undefined;

  const multiply = (dtype === "float32" ? blas.sgemm : blas.dgemm) as MatrixProduct<TypedArray>;
  const { starts } = left;
  const product: BlasDot = (out, a, b) =>
    multiply(left.freeIsInner, !right.freeIsInner, m, n, k, a, left.row, b, right.row, out, n);
  if (starts.length === 1) return product;
  return (out, a, b) => {
    for (let i = 0; i < starts.length; i++) {
      product(out.subarray(i * m * n), a.subarray(starts[i]), b.subarray(right.starts[i]));
    }
  };
}

/** Sees an operand as matrices; undefined where they do not lie as BLAS has them. */
function matricesOf(
  shape: Shape,
  batch: readonly number[],
  contract: readonly number[],
): Matrices | undefined {
  const strides = stridesOf(shape);
  const free = shape.map((_, axis) => axis)
    .filter((axis) => !batch.includes(axis) && !contract.includes(axis));
  const rows = joined(shape, strides, free);
  const columns = joined(shape, strides, contract);
  if (rows === undefined || columns === undefined) return undefined;
  const freeIsInner = columns.stride !== 1;
  const [outer, inner] = freeIsInner ? [columns, rows] : [rows, columns];
  if (inner.stride !== 1) return undefined;
  return {
    free: rows.extent,
    depth: columns.extent,
    freeIsInner,
    // BLAS refuses a stride that is less than a row, even where there is one row.
    row: Math.max(outer.stride, inner.extent),
    starts: startsOf(shape, strides, batch),
  };
}

/** Axes as one that a single stride walks, or undefined; the stride of an extent of 1 may be any, and is given as 1. */
function joined(
  shape: Shape,
  strides: readonly number[],
  axes: readonly number[],
): { readonly extent: number; readonly stride: number } | undefined {
  let extent = 1;
  let stride = 1;
  for (const axis of axes.toReversed()) {
    if (shape[axis] === 1) continue;
    if (extent === 1) stride = strides[axis]!;
    else if (strides[axis] !== extent * stride) return undefined;
    extent *= shape[axis]!;
  }
  return { extent, stride };
}

/** The offset of every index over some axes, in row-major order. */
function startsOf(shape: Shape, strides: readonly number[], axes: readonly number[]): number[] {
  return axes.reduce(
    (starts, axis) =>
      starts.flatMap((start) =>
        Array.from({ length: shape[axis]! }, (_, i) => start + i * strides[axis]!)
      ),
    [0],
  );
}
