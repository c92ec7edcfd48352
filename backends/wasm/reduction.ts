import type { DType } from "../../src/core/dtype.ts";
import { constantOf, type Emitter, type Vector, type VectorLocal } from "./emitter.ts";
import type { Local } from "./module.ts";
import { f32, f32x4, f64, f64x2, i32x4, shuffle32, v128 } from "./opcodes.ts";

export type ReduceOp = "sum" | "max" | "min";

/** What the combination of no elements is. */
export function initialOf(op: ReduceOp, dtype: DType): Vector {
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

/** The running result of one `reduce` statement. */
export interface Accumulator {
  /** Takes in a vector (`copy` says which of the unrolled ones), or one element in all lanes. */
  add(x: Vector, copy: number | "single"): void;
  /** Ends a block of elements. */
  endBlock(): void;
  /** The result in all lanes (`copy` as in `add`, where vectors lie across). */
  result(copy: number | "single"): Vector;
}

/** Vectors of accumulators that lie in an axis kept: every lane takes in its own elements, in order. */
export function accumulateAcross(
  e: Emitter,
  op: ReduceOp,
  dtype: DType,
  copies: readonly (number | "single")[],
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
 * Accumulators along the vectors. A sum of floats is the sum, in float64 and in order, of sums over blocks of
 * `blockLength` elements. In a block, `copies` vectors take in every copies-th vector, are added pairwise, and
 * then their lanes; elements after the last whole vector are added in order. So the order depends on nothing but
 * the extent. Other combinations do not depend on it.
 */
export function accumulateAlong(
  e: Emitter,
  op: ReduceOp,
  dtype: DType,
  copies: number,
): Accumulator {
  const { f } = e;
  const initial = e.constant(initialOf(op, dtype));
  const vectors = Array.from({ length: copies }, () => e.keep(initial));
  const single = e.keep(initial);
  const target = (copy: number | "single"): VectorLocal =>
    copy === "single" ? single : vectors[copy]!;
  const floatSum = op === "sum" && (dtype === "float32" || dtype === "float64");
  const total = floatSum ? f.local("f64", f64.const(0)) : undefined;

  const folded = (): Vector => {
    let rest: Vector[] = vectors;
    while (rest.length > 1) {
      const half = rest.length / 2;
      rest = rest.slice(0, half).map((x, i) => combine(op, dtype, x, rest[half + i]!));
    }
    return e.keep(rest[0]!);
  };
  return {
    add: (x, copy) => f.set(target(copy), combine(op, dtype, target(copy), x)),
    endBlock() {
      if (total !== undefined) addFloats(e, dtype, total, folded(), single);
      if (total !== undefined) [...vectors, single].forEach((each) => f.set(each, initial));
    },
    result() {
      if (total !== undefined) {
        return dtype === "float64" ? f64x2.splat(total) : f32x4.splat(f32.demote_f64(total));
      }
      let x = folded();
      for (const lanes of [[2, 3, 0, 1], [1, 0, 3, 2]]) {
        // With two lanes of 32 bits the upper ones hold anything.
        if (e.lanes === 2 && (lanes[0] === 2) === (dtype !== "float64")) continue;
        x = e.keep(combine(op, dtype, x, shuffle32(x, x, lanes)));
      }
      return combine(op, dtype, x, single);
    },
  };
}

function addFloats(
  e: Emitter,
  dtype: DType,
  total: Local<"f64">,
  vector: Vector,
  single: Vector,
): void {
  const { f } = e;
  const lane = (x: Vector, i: number) => f64x2.extract_lane(x, i);
  let pair = vector;
  let rest = single;
  if (dtype === "float32") {
    pair = f64x2.promote_low_f32x4(vector);
    rest = f64x2.promote_low_f32x4(single);
    if (e.lanes === 4) {
      const upper = shuffle32(vector, vector, [2, 3, 0, 1]);
      pair = f64x2.add(pair, f64x2.promote_low_f32x4(upper));
    }
  }
  const sums = e.keep(pair);
  f.set(total, f64.add(total, f64.add(f64.add(lane(sums, 0), lane(sums, 1)), lane(rest, 0))));
}
