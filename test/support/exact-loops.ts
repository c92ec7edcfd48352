import fc from "fast-check";
import type { Access, Loop, Statement } from "../../src/backend/loop.ts";
import type { DType } from "../../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import { type Elements, elements } from "./run-kernel.ts";
import { anyWay, type AnyWayOptions, type Way } from "./ways.ts";

/** A nest of loops, and what its buffers hold before. */
export interface LoopCase {
  readonly loop: Loop;
  readonly buffers: readonly Elements[];
}

/** Rows, columns, and axes in any order. */
const ways: AnyWayOptions = {
  orders: ["plain", "plain", "reversed", "any"],
  starts: [0, 0, 1, 4],
};

/** Operations that are exact on what `exactElements` draws. */
export const exactBinary: Readonly<Partial<Record<DType, readonly ElementwiseName[]>>> = {
  float32: ["add", "sub", "max", "min", "less", "equal"],
  int32: ["add", "sub", "mul", "max", "min", "and", "xor", "less"],
  uint32: ["add", "sub", "mul", "max", "min", "or", "shiftRight"],
  bool: ["and", "or", "xor", "less"],
};
const kinds = Object.keys(exactBinary) as DType[];

/** Whole numbers so small that sums of them are exact in any order, and what is no number. */
const exactElement: Readonly<Partial<Record<DType, fc.Arbitrary<number>>>> = {
  float32: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: -9, max: 9 }) },
    { weight: 1, arbitrary: fc.constantFrom(-0, NaN, Infinity, -Infinity) },
  ),
  int32: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer()),
  uint32: fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 0xffffffff })),
  bool: fc.constantFrom(0, 1),
};

/** Elements of a dtype, small where sums round. */
export function exactElements(dtype: DType, size: number, seed: number): Elements {
  const arbitrary = fc.array(exactElement[dtype]!, { minLength: size, maxLength: size });
  return elements(dtype, [size], fc.sample(arbitrary, { seed, numRuns: 1 })[0]!);
}

/** Extents that are divided among vectors, workgroups and what is left. */
const extentsOf = fc.oneof(
  fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(7, 8, 16, 33)), {
    minLength: 1,
    maxLength: 4,
  }),
  fc.tuple(fc.constantFrom(1, 3, 16, 70), fc.constantFrom(36, 64, 100, 515)),
  fc.tuple(fc.constantFrom(36, 64, 100, 515), fc.constantFrom(1, 3, 16, 72)),
).filter((extents) => sizeOf(extents) <= 20000);

/** A nest of exact instructions on buffers of several dtypes. */
export const exactLoops: fc.Arbitrary<LoopCase> = extentsOf.chain((extents) =>
  fc.record({
    reduced: fc.integer({ min: 0, max: extents.length }),
    loads: fc.array(fc.tuple(fc.constantFrom(...kinds), anyWay(extents, ways)), {
      minLength: 1,
      maxLength: 4,
    }),
    indices: fc.array(
      fc.tuple(
        fc.nat(extents.length - 1),
        fc.integer({ min: -3, max: 3 }),
        fc.integer({ min: -50, max: 50 }),
        fc.constantFrom<DType>("int32", "float32"),
      ),
      { maxLength: 1 },
    ),
    steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.constantFrom(...kinds)), {
      maxLength: 6,
    }),
    late: fc.nat(),
    inPlace: fc.boolean(),
    seed: fc.nat(),
    out: anyWay(extents, ways),
  }).map(({ reduced, loads, indices, steps, late, inPlace, seed, out }): LoopCase => {
    const buffers: Elements[] = [];
    const statements: Statement[] = [];
    const use = (dtype: DType, { strides, offset, size }: Way): Access => {
      const buffer = buffers.push(exactElements(dtype, size, seed + buffers.length)) - 1;
      return { buffer, dtype, offset, strides };
    };
    for (const [dtype, way] of loads) {
      statements.push({ kind: "load", access: use(dtype, way), dtype });
    }
    for (const [axis, stride, offset, dtype] of indices) {
      statements.push({ kind: "index", axis, stride, offset, dtype });
    }
    /** An operation on a statement and another one of its dtype. */
    const combine = (which: number, a: number, right: number): void => {
      const { dtype } = statements[a]!;
      const others = statements.flatMap((other, i) => other.dtype === dtype ? [i] : []);
      const names = exactBinary[dtype]!;
      const op = names[which % names.length]!;
      const result = op === "less" || op === "equal" ? "bool" : dtype;
      const args = [a, others[right % others.length]!];
      statements.push({ kind: "apply", op, params: {}, args, dtype: result });
    };
    for (const [which, left, right, to] of steps) {
      const a = left % statements.length;
      if (which % 4 > 0) combine(which, a, right);
      else {
        // Large whole numbers would be rounded.
        const isLarge = to === "float32" && statements[a]!.dtype.endsWith("int32");
        const dtype = isLarge ? "bool" : to;
        statements.push({ kind: "apply", op: "cast", params: { dtype }, args: [a], dtype });
      }
    }
    const last = statements.length - 1;
    const { dtype } = statements[last]!;
    const outer = extents.slice(0, extents.length - reduced);
    const stores: { statement: number; access: Access }[] = [];
    if (reduced > 0) {
      const op = dtype === "bool" ? "max" as const : (["sum", "max", "min"] as const)[late % 3]!;
      statements.push({ kind: "reduce", op, arg: last, dtype });
      if (late % 2 === 0) statements.push({ kind: "reduce", op: "min", arg: last, dtype });
      combine(late, last + 1, 0);
      const strides = [...stridesOf(outer), ...new Array<number>(reduced).fill(0)];
      const result = statements.length - 1;
      const way = { strides, offset: 0, size: sizeOf(outer) };
      // What the late statement takes beside must be there for all points of a result.
      const args = (statements[result] as { args: readonly number[] }).args;
      if (args[1]! <= last) {
        statements[result] = { ...statements[result]!, args: [args[0]!, args[0]!] } as Statement;
      }
      stores.push({ statement: result, access: use(statements[result]!.dtype, way) });
    }
    // Every point has a place of its own.
    if (
      out.strides.every((stride, axis) => stride !== 0 || extents[axis] === 1)
    ) {
      const own = statements.find((each) =>
        each.kind === "load" && each.dtype === dtype &&
        each.access.strides.every((stride, axis) => stride !== 0 || extents[axis] === 1)
      );
      const access = inPlace && own?.kind === "load" ? own.access : use(dtype, out);
      stores.push({ statement: last, access });
    }
    if (stores.length === 0) {
      const way = { strides: stridesOf(extents), offset: 0, size: sizeOf(extents) };
      stores.push({ statement: last, access: use(dtype, way) });
    }
    return { loop: { extents, reduced, statements, stores }, buffers };
  })
);
