import { type Shape, stridesOf } from "./shape.ts";

/** An axis of an index space, and the step in a buffer from one index to the next. */
export interface Axis {
  readonly extent: number;
  readonly stride: number;
}

/** Some axes of a row-major buffer, those that can be walked as one merged. */
export function axesOf(shape: Shape, which: readonly number[]): Axis[] {
  const strides = stridesOf(shape);
  return mergeAxes(which.map((axis) => ({ extent: shape[axis]!, stride: strides[axis]! })));
}

/** Leaves out axes of extent 1 and makes one of neighbours that have one stride. */
function mergeAxes(axes: readonly Axis[]): Axis[] {
  const merged: Axis[] = [];
  for (const { extent, stride } of axes) {
    if (extent === 1) continue;
    const last = merged.at(-1);
    if (last !== undefined && last.stride === stride * extent) {
      merged[merged.length - 1] = { extent: last.extent * extent, stride };
    } else {
      merged.push({ extent, stride });
    }
  }
  return merged;
}
