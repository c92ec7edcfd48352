import { type Shape, stridesOf } from "../../../src/core/shape.ts";

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
export function mergeAxes(axes: readonly Axis[]): Axis[] {
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

/** The coordinates of a row-major index, outermost first, as expressions. */
export function coordinates(index: string, extents: readonly number[]): string[] {
  const result: string[] = [];
  let below = 1;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    const quotient = below === 1 ? index : `${index} / ${below}u`;
    result.unshift(axis === 0 ? `(${quotient})` : `(${quotient} % ${extents[axis]}u)`);
    below *= extents[axis]!;
  }
  return result;
}

/** Where in a buffer the element at a row-major index of `axes` lies, as an expression. */
export function offsetAt(index: string, axes: readonly Axis[]): string {
  const terms = coordinates(index, axes.map(({ extent }) => extent)).map((coordinate, i) => {
    const { stride } = axes[i]!;
    return stride === 1 ? coordinate : `${coordinate} * ${stride}u`;
  });
  return terms.length === 0 ? "0u" : terms.join(" + ");
}
