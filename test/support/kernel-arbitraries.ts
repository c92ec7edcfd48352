import fc from "fast-check";
import { type DType, fromBFloat16Bits } from "../../src/core/dtype.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";
import { type Elements, elements } from "./run-kernel.ts";

const floatEdges = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, NaN, Infinity, -Infinity];

/** Any element of a dtype, the awkward ones often. */
export const anyElement: Record<DType, fc.Arbitrary<number>> = {
  float32: fc.oneof(
    fc.float(),
    fc.float({ min: -8, max: 8, noNaN: true }),
    fc.constantFrom(...floatEdges, 2 ** -149, -(2 ** -149), 2 ** -127, Math.fround(3.4028234e38)),
  ),
  float64: fc.oneof(
    fc.double(),
    fc.double({ min: -8, max: 8, noNaN: true }),
    fc.constantFrom(...floatEdges, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE),
  ),
  int32: fc.oneof(
    fc.integer(),
    fc.integer({ min: -4, max: 4 }),
    fc.constantFrom(-0x80000000, 0x7fffffff),
  ),
  uint32: fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.integer({ min: 0, max: 40 }),
    fc.constantFrom(0x80000000, 0x7fffffff, 0xffffffff),
  ),
  bool: fc.constantFrom(0, 1),
  bfloat16: fc.integer({ min: 0, max: 0xffff }).map(fromBFloat16Bits),
};

/** A shape of rank `minRank` to 4. */
export function anyShape(minRank = 0): fc.Arbitrary<number[]> {
  const extent = fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
    weight: 9,
    arbitrary: fc.integer({ min: 1, max: 5 }),
  });
  return fc.array(extent, { minLength: minRank, maxLength: 4 });
}

/** Any elements of a shape. */
export function anyElements(dtype: DType, shape: Shape): fc.Arbitrary<Elements> {
  const size = sizeOf(shape);
  return fc.array(anyElement[dtype], { minLength: size, maxLength: size })
    .map((values) => elements(dtype, shape, values));
}

/** `count` shapes that broadcast: each lacks some leading axes of one shape, and has 1 for some others. */
export function broadcastingShapes(count: number): fc.Arbitrary<number[][]> {
  return anyShape().chain((shape) => {
    const part = fc.tuple(
      fc.integer({ min: 0, max: shape.length }),
      fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    ).map(([dropped, ones]) => shape.map((extent, axis) => ones[axis] ? 1 : extent).slice(dropped));
    return fc.array(fc.oneof(fc.constant(shape), part), { minLength: count, maxLength: count });
  });
}

/** Every coordinate of a shape, in row-major order. */
export function coordinates(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (prefixes, extent) =>
      prefixes.flatMap((prefix) =>
        Array.from({ length: extent }, (_, index) => [...prefix, index])
      ),
    [[]],
  );
}

/** The element at a coordinate. */
export function at({ shape, values }: Elements, coordinate: readonly number[]): number {
  return values[coordinate.reduce((sum, index, axis) => sum * shape[axis]! + index, 0)]!;
}

/** The element at a coordinate of a shape that the elements are broadcast to. */
export function atBroadcast(operand: Elements, coordinate: readonly number[]): number {
  const own = coordinate.slice(coordinate.length - operand.shape.length);
  return at(operand, own.map((index, axis) => operand.shape[axis] === 1 ? 0 : index));
}
