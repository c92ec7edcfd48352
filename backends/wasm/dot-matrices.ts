import { axesOf, type Axis } from "../../src/core/axes.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";

/** An operand of a product as a list of matrices (free index, contracted index). Strides are in elements. */
export interface Matrices {
  readonly free: number;
  readonly depth: number;
  readonly freeStride: number;
  readonly depthStride: number;
  /** Where the matrix of each batch begins. */
  readonly starts: readonly number[];
  /**
   * Where no single stride walks the free or the contracted index, the operand is copied before, in the order batch,
   * free, contracted: these are its axes in that order.
   */
  readonly copyAxes: readonly Axis[] | undefined;
}

/** Sees an operand as matrices. */
export function matricesOf(
  shape: Shape,
  batch: readonly number[],
  contract: readonly number[],
): Matrices {
  const free = shape.map((_, axis) => axis)
    .filter((axis) => !batch.includes(axis) && !contract.includes(axis));
  const sizeAt = (axes: readonly number[]) => sizeOf(axes.map((axis) => shape[axis]!));
  const sizes = { free: sizeAt(free), depth: sizeAt(contract) };

  const freeAxes = axesOf(shape, free);
  const depthAxes = axesOf(shape, contract);
  if (freeAxes.length <= 1 && depthAxes.length <= 1) {
    return {
      ...sizes,
      freeStride: freeAxes[0]?.stride ?? 1,
      depthStride: depthAxes[0]?.stride ?? 1,
      starts: offsets(axesOf(shape, batch)),
      copyAxes: undefined,
    };
  }
  const each = sizes.free * sizes.depth;
  return {
    ...sizes,
    freeStride: sizes.depth,
    depthStride: 1,
    starts: Array.from({ length: sizeAt(batch) }, (_, i) => i * each),
    copyAxes: axesOf(shape, [...batch, ...free, ...contract]),
  };
}

/** The offset of every index over the axes, in row-major order. */
export function offsets(axes: readonly Axis[]): number[] {
  return axes.reduce(
    (starts, { extent, stride }) =>
      starts.flatMap((start) => Array.from({ length: extent }, (_, i) => start + i * stride)),
    [0],
  );
}
