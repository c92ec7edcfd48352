import fc from "fast-check";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";

/** One way to walk a buffer of just the size that it needs: axes in any order, repeated, backwards, with gaps. */
export interface Way {
  readonly strides: number[];
  readonly offset: number;
  readonly size: number;
}

/** What ways are drawn from; what stands there twice comes twice as often. */
export interface AnyWayOptions {
  /** In the order of memory without anything else, along the last axis outermost, or along axes in any order. */
  readonly orders: readonly ("plain" | "reversed" | "any")[];
  /** Elements before the first one of a way that is not plain. */
  readonly starts: readonly number[];
}

/** Any way to walk so many elements an axis. */
export function anyWay(
  extents: readonly number[],
  { orders, starts }: AnyWayOptions,
): fc.Arbitrary<Way> {
  const rank = extents.length;
  const axes = extents.map((_, axis) => axis);
  return fc.record({
    shuffled: fc.shuffledSubarray(axes, { minLength: rank }),
    kinds: fc.array(fc.constantFrom("along", "along", "along", "repeat", "back", "gap"), {
      minLength: rank,
      maxLength: rank,
    }),
    order: fc.constantFrom(...orders),
    start: fc.constantFrom(...starts),
  }).map(({ shuffled, kinds, order, start }) => {
    if (order === "plain") return { strides: stridesOf(extents), offset: 0, size: sizeOf(extents) };
    const strides = extents.map(() => 0);
    let [offset, size] = [0, 1];
    for (const axis of order === "reversed" ? axes.toReversed() : shuffled) {
      const kind = kinds[axis]!;
      if (kind === "repeat") continue;
      const step = kind === "gap" ? 2 * size : size;
      strides[axis] = kind === "back" ? -step : step;
      if (kind === "back") offset += step * (extents[axis]! - 1);
      size = step * extents[axis]!;
    }
    return { strides, offset: offset + start, size: size + start };
  });
}
