/** Products for tests of the primitive `dot`. */
import fc from "fast-check";
import { prepareDot } from "../../backends/reference/dot.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";

/** Axes of the left and of the right operand. */
export type Pairs = readonly (readonly [number, number])[];

/** Which axes of two operands are multiplied how. */
export interface Product<T extends DType = DType> {
  readonly dtype: T;
  readonly a: Shape;
  readonly b: Shape;
  readonly batch: Pairs;
  readonly contract: Pairs;
}

/** A kernel and its operands. */
export interface DotCase {
  readonly kernel: Kernel<"dot">;
  readonly inputs: readonly [TypedArray, TypedArray];
}

/** The kernel of a product. */
export function dotKernel({ dtype, a, b, batch, contract }: Product): Kernel<"dot"> {
  const free = (shape: Shape, side: 0 | 1) =>
    shape.filter((_, axis) => ![...batch, ...contract].some((pair) => pair[side] === axis));
  const shape = [...batch.map(([axis]) => a[axis]!), ...free(a, 0), ...free(b, 1)];
  return {
    op: "dot",
    params: { batch, contract },
    operands: [{ buffer: 0, spec: { shape: a, dtype } }, { buffer: 1, spec: { shape: b, dtype } }],
    output: { buffer: 2, spec: { shape, dtype } },
  };
}

/** What the reference backend computes. */
export function referenceDot({ kernel, inputs }: DotCase): TypedArray {
  const { dtype, shape } = kernel.output.spec;
  const out = allocate(dtype, sizeOf(shape));
  prepareDot(kernel)(out, inputs);
  return out;
}

/** A product whose axes have letters, as einsum has them: equal letters of both operands pair up. */
export interface LetteredProduct<T extends DType = DType> extends Product<T> {
  readonly letters: Readonly<Record<"a" | "b" | "batch" | "contract", readonly string[]>>;
}

/** How large products of any axes are. */
export interface AnyAxesOptions<T extends DType> {
  readonly dtypes: readonly T[];
  readonly mostContracted: 2 | 3;
  readonly largestExtent: number;
  /** How many extents there are for one that is 0. */
  readonly extentsPerZero: number;
}

const contracted = [[], ["x"], ["x"], ["x", "y"], ["x", "y", "z"]];

/** Axes of each kind, in any order. */
export function anyAxes<T extends DType>(
  { dtypes, mostContracted, largestExtent, extentsPerZero }: AnyAxesOptions<T>,
): fc.Arbitrary<LetteredProduct<T>> {
  const letters = ["b", "c", "x", "y", "z", "m", "n", "p", "q"];
  return fc.record({
    dtype: fc.constantFrom(...dtypes),
    batch: fc.constantFrom<string[][]>([], [], ["b"], ["b", "c"]),
    contract: fc.constantFrom(...contracted.slice(0, mostContracted + 2)),
    left: fc.constantFrom<string[][]>([], ["m"], ["m"], ["m", "n"]),
    right: fc.constantFrom<string[][]>([], ["p"], ["p"], ["p", "q"]),
    extents: fc.array(
      fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
        weight: extentsPerZero,
        arbitrary: fc.integer({ min: 1, max: largestExtent }),
      }),
      { minLength: letters.length, maxLength: letters.length },
    ),
  }).chain(({ dtype, batch, contract, left, right, extents }) => {
    const side = (letters: string[]) =>
      fc.shuffledSubarray(letters, { minLength: letters.length, maxLength: letters.length });
    return fc.tuple(side([...batch, ...contract, ...left]), side([...batch, ...contract, ...right]))
      .map(([a, b]) => {
        const pairs = (paired: string[]): Pairs =>
          paired.map((letter) => [a.indexOf(letter), b.indexOf(letter)]);
        const shape = (side: string[]) => side.map((letter) => extents[letters.indexOf(letter)]!);
        return {
          dtype,
          a: shape(a),
          b: shape(b),
          batch: pairs(batch),
          contract: pairs(contract),
          letters: { a, b, batch, contract },
        };
      });
  });
}

/** In which order an operand has its batch, its free and its contracted axis. */
export type Layout = "bfc" | "bcf" | "fbc" | "cbf" | "fcb" | "cfb";

/** Those with the batch outside of the matrices, or innermost. */
export const outerLayouts: readonly Layout[] = ["bfc", "bcf"];
export const innerLayouts: readonly Layout[] = ["fcb", "cfb"];

/** A batch of products of an m x k with a k x n matrix, of operands in these layouts. */
export function matrices<T extends DType = "float32">(
  [batch, m, n, k]: readonly [number, number, number, number],
  [left, right]: readonly [Layout, Layout] = ["bfc", "bcf"],
  dtype: T = "float32" as T,
): Product<T> {
  const shape = (layout: Layout, free: number) =>
    [...layout].map((axis) => axis === "b" ? batch : axis === "f" ? free : k);
  const pair = (axis: string) => [left.indexOf(axis), right.indexOf(axis)] as const;
  return {
    dtype,
    a: shape(left, m),
    b: shape(right, n),
    batch: [pair("b")],
    contract: [pair("c")],
  };
}
