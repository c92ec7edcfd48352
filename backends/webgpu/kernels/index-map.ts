import type { Axis } from "../../../src/core/axes.ts";

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
