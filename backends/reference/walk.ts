import { type Shape, sizeOf, stridesOf } from "../../src/core/shape.ts";

/** How one array is walked: the element to begin with, and the step along each axis. */
export interface StridedView {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** A loop over an index space, seen as rows of `length` elements; arrays have a step within a row. */
export interface Walk {
  readonly rows: number;
  readonly length: number;
  /** The step of each array within a row. */
  readonly steps: readonly number[];
  /** The axes over the rows, outermost first, with the stride of each array. */
  readonly outer: readonly { readonly extent: number; readonly strides: readonly number[] }[];
  /** Where each array begins. */
  readonly start: readonly number[];
}

/**
 * Leaves out axes of extent 1 and merges neighbouring axes that all arrays walk in one stride.
 * `strides[k]` are those of array k.
 */
export function collapseAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
): { extent: number; strides: number[] }[] {
  const axes: { extent: number; strides: number[] }[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis]!;
    if (extent === 1) continue;
    const inner = strides.map((each) => each[axis]!);
    const last = axes.at(-1);
    if (last !== undefined && last.strides.every((stride, k) => stride === inner[k]! * extent)) {
      last.extent *= extent;
      last.strides = inner;
    } else {
      axes.push({ extent, strides: inner });
    }
  }
  return axes;
}

/** Plans the walk of all arrays over one index space, in row-major order. */
export function planWalk(shape: Shape, views: readonly StridedView[]): Walk {
  const axes = collapseAxes(shape, views.map((view) => view.strides));
  const row = axes.pop() ?? { extent: 1, strides: views.map(() => 0) };
  const size = sizeOf(shape);
  return {
    rows: size === 0 ? 0 : size / row.extent,
    length: row.extent,
    steps: row.strides,
    outer: axes,
    start: views.map((view) => view.offset),
  };
}

/** Calls `visit` for each row with the position of each array; the list is reused from row to row. */
export function walkRows(walk: Walk, visit: (at: readonly number[]) => void): void {
  const { rows, outer } = walk;
  const at = [...walk.start];
  const index = new Array<number>(outer.length).fill(0);
  for (let row = 0; row < rows; row++) {
    visit(at);
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      const { extent, strides } = outer[axis]!;
      const wraps = ++index[axis]! === extent;
      const by = wraps ? 1 - extent : 1;
      for (let k = 0; k < at.length; k++) at[k]! += by * strides[k]!;
      if (!wraps) break;
      index[axis] = 0;
    }
  }
}

/** A whole array in row-major order. */
export function contiguous(shape: Shape): StridedView {
  return { offset: 0, strides: stridesOf(shape) };
}

/** An array of `shape` repeated to `rank` axes by NumPy's rules: stride 0 where it has extent 1 or no axis. */
export function broadcasted(shape: Shape, rank: number): StridedView {
  const own = stridesOf(shape).map((stride, axis) => shape[axis] === 1 ? 0 : stride);
  return { offset: 0, strides: [...new Array<number>(rank - shape.length).fill(0), ...own] };
}
