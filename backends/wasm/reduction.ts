import type { DType } from "../../src/core/dtype.ts";
import { constantOf, type Emitter, type Vector, type VectorLocal } from "./emitter.ts";
import type { Local } from "./module.ts";
import { f32, f32x4, f64, f64x2, i32x4, shuffle32, v128 } from "./opcodes.ts";

export type ReduceOp = "sum" | "max" | "min";

/** What the combination of no elements is. */
function initialOf(op: ReduceOp, dtype: DType): Vector {
  if (op === "sum") return constantOf(dtype, 0);
  const largest: Partial<Record<DType, number>> = { int32: 0x7fffffff, uint32: -1, bool: 1 };
  const smallest: Partial<Record<DType, number>> = { int32: -0x80000000, uint32: 0, bool: 0 };
  return op === "max"
    ? constantOf(dtype, smallest[dtype] ?? -Infinity)
    : constantOf(dtype, largest[dtype] ?? Infinity);
}

/** Two vectors combined lane by lane. */
export function combine(op: ReduceOp, dtype: DType, a: Vector, b: Vector): Vector {
  switch (dtype) {
    case "float32":
      return { sum: f32x4.add, max: f32x4.max, min: f32x4.min }[op](a, b);
    case "float64":
      return { sum: f64x2.add, max: f64x2.max, min: f64x2.min }[op](a, b);
    case "int32":
      return { sum: i32x4.add, max: i32x4.max_s, min: i32x4.min_s }[op](a, b);
    case "uint32":
      return { sum: i32x4.add, max: i32x4.max_u, min: i32x4.min_u }[op](a, b);
    default:
      return { sum: v128.or, max: v128.or, min: v128.and }[op](a, b);
  }
}

/** One of the unrolled vectors, or one element in all lanes. */
export type Copy = number | "single";

/** The running result of one `reduce` statement. */
export interface Accumulator {
  /** Takes in a vector (`copy` says which of the `count` that a turn takes), or one element in all lanes. */
  add(x: VectorLocal, copy: Copy, count: number): void;
  /** Ends a block of elements. */
  endBlock(): void;
  /** The result in all lanes (`copy` as in `add`, where vectors lie across). */
  result(copy: Copy): Vector;
}

/** Vectors of accumulators that lie in an axis kept: every lane takes in its own elements, in order. */
export function accumulateAcross(
  e: Emitter,
  op: ReduceOp,
  dtype: DType,
  copies: readonly Copy[],
): Accumulator {
  const initial = e.constant(initialOf(op, dtype));
  const sums = new Map(copies.map((copy) => [copy, e.keep(initial)]));
  return {
    add: (x, copy) => e.f.set(sums.get(copy)!, combine(op, dtype, sums.get(copy)!, x)),
    endBlock() {},
    result: (copy) => sums.get(copy)!,
  };
}

/** How many elements are summed in float32 before they are added to a sum in float64. */
export const blockLength = 4096;

/**
 * How many vectors each kind of turn takes, largest first, where vectors lie along the reduced axis: those that the
 * order of the sums asks for. What is left are single elements.
 */
export function turnsAlong(
  lanes: 2 | 4,
  extent: number,
  sums: ReadonlySet<DType>,
): readonly number[] {
  if (lanes === 4) return extent < 16 ? [1] : [4, 1];
  const singles = sums.has("float32");
  return [
    ...(singles && extent >= 16 ? [8] : []),
    ...(extent >= 8 && (!singles || sums.has("float64")) ? [4] : []),
    ...(singles && extent >= 4 ? [2] : []),
    1,
  ];
}

/**
 * Accumulators along the vectors of an axis of `extent` elements.
 *
 * A sum of floats is the sum, in float64 and in order, of sums over blocks of `blockLength` elements. In a block, four
 * vectors (one if the axis is shorter than those) take in every fourth vector, are added pairwise, and then their lanes;
 * vectors after the last whole turn go to the first one, and elements after the last whole vector are added in order.
 * Vectors hold four float32, or two float64, whatever else the loop computes: where its vectors have two lanes, those
 * of float32 are made of two halves. So the order depends on nothing but the dtype and the extent. Other combinations
 * do not depend on it.
 */
export function accumulateAlong(
  e: Emitter,
  op: ReduceOp,
  dtype: DType,
  extent: number,
): Accumulator {
  if (op === "sum" && dtype === "float32" && e.lanes === 2) return accumulateHalves(e, extent);
  const { f } = e;
  const initial = e.constant(initialOf(op, dtype));
  const vectors = vectorsOf(e, initial, extent < 4 * e.lanes ? 1 : 4);
  const single = e.keep(initial);
  const floatSum = op === "sum" && (dtype === "float32" || dtype === "float64");
  const total = floatSum ? f.local("f64", f64.const(0)) : undefined;

  return {
    add(x, copy, count) {
      // A turn of two or of one vector comes after the whole turns.
      const which = count < 4 ? 0 : Number(copy) % vectors.length;
      const to = copy === "single" ? single : vectors[which]!;
      f.set(to, combine(op, dtype, to, x));
    },
    endBlock() {
      if (total === undefined) return;
      const vector = folded(e, op, dtype, vectors);
      if (dtype === "float64") addDoubles(e, total, vector, single);
      else addSingles(e, total, vector, shuffle32(vector, vector, [2, 3, 0, 1]), single);
      [...vectors, single].forEach((each) => f.set(each, initial));
    },
    result() {
      if (total !== undefined) {
        return dtype === "float64" ? f64x2.splat(total) : f32x4.splat(f32.demote_f64(total));
      }
      let x: Vector = folded(e, op, dtype, vectors);
      for (const lanes of [[2, 3, 0, 1], [1, 0, 3, 2]]) {
        // With two lanes of 32 bits the upper ones hold anything.
        if (e.lanes === 2 && (lanes[0] === 2) === (dtype !== "float64")) continue;
        x = e.keep(combine(op, dtype, x, shuffle32(x, x, lanes)));
      }
      return combine(op, dtype, x, single);
    },
  };
}

/** A sum of float32 where vectors have two lanes. */
function accumulateHalves(e: Emitter, extent: number): Accumulator {
  const { f } = e;
  const zero = e.constant(initialOf("sum", "float32"));
  const halves = [0, 1].map(() => vectorsOf(e, zero, extent < 16 ? 1 : 4));
  const single = e.keep(zero);
  const total = f.local("f64", f64.const(0));
  const take = (to: VectorLocal, x: Vector): void => f.set(to, f32x4.add(to, x));
  return {
    add(x, copy, count) {
      if (copy === "single") return take(single, x);
      if (count > 1) return take(halves[copy % 2]![count === 8 ? copy >> 1 : 0]!, x);
      // Half a vector is no vector.
      take(single, x);
      take(single, shuffle32(x, x, [1, 0, 3, 2]));
    },
    endBlock() {
      const [low, high] = halves.map((vectors) => folded(e, "sum", "float32", vectors));
      addSingles(e, total, low!, high!, single);
      [...halves.flat(), single].forEach((each) => f.set(each, zero));
    },
    result: () => f32x4.splat(f32.demote_f64(total)),
  };
}

function vectorsOf(e: Emitter, initial: VectorLocal, count: number): VectorLocal[] {
  return Array.from({ length: count }, () => e.keep(initial));
}

/** Vectors combined pairwise. */
function folded(
  e: Emitter,
  op: ReduceOp,
  dtype: DType,
  vectors: readonly VectorLocal[],
): VectorLocal {
  let rest: readonly Vector[] = vectors;
  while (rest.length > 1) {
    const half = rest.length / 2;
    rest = rest.slice(0, half).map((x, i) => combine(op, dtype, x, rest[half + i]!));
  }
  return e.keep(rest[0]!);
}

/** Adds the lower lanes of two vectors of float32, and a single one. */
function addSingles(
  e: Emitter,
  total: Local<"f64">,
  low: Vector,
  high: Vector,
  single: Vector,
): void {
  const promote = f64x2.promote_low_f32x4;
  addDoubles(e, total, f64x2.add(promote(low), promote(high)), promote(single));
}

function addDoubles(e: Emitter, total: Local<"f64">, pair: Vector, single: Vector): void {
  const sums = e.keep(pair);
  const lane = (x: Vector, i: number) => f64x2.extract_lane(x, i);
  const block = f64.add(f64.add(lane(sums, 0), lane(sums, 1)), lane(single, 0));
  e.f.set(total, f64.add(total, block));
}
