import type { DType } from "../../src/core/dtype.ts";
import { constantOf, type Emitter, type Vector, type VectorLocal } from "./emitter.ts";
import { f32x4, f64x2, i32, i32x4, i64x2, shuffle32, v128 } from "./opcodes.ts";

/** A mask of lanes of 64 bits as one of 32 bits, in the lower lanes. */
export function narrowMask(e: Emitter, mask: Vector): Vector {
  const m = e.keep(mask);
  return shuffle32(m, m, [0, 2, 0, 2]);
}

/** The opposite. */
export function widenMask(mask: Vector): Vector {
  return i64x2.extend_low_i32x4_s(mask);
}

/** Whether a cast is computed with two lanes only: bfloat16 from integers is rounded from float64. */
export function castNeedsTwoLanes(from: DType, to: DType): boolean {
  return from === "float64" || to === "float64" ||
    (to === "bfloat16" && (from === "int32" || from === "uint32"));
}

/** Converts: floats to integers truncate and saturate (NaN to 0), to bool is `!= 0`, integers wrap. */
export function castVector(e: Emitter, x: VectorLocal, from: DType, to: DType): Vector {
  if (from === to) return x;
  if (from === "bool") {
    const one = e.constant(constantOf(to, 1));
    return v128.and(to === "float64" ? widenMask(x) : x, one);
  }
  if (from === "bfloat16") {
    const single = i32x4.shl(x, i32.const(16));
    return to === "float32" ? single : castVector(e, e.keep(single), "float32", to);
  }
  switch (to) {
    case "bool": {
      const zero = e.constant(constantOf(from, 0));
      if (from === "float64") return narrowMask(e, f64x2.ne(x, zero));
      return from === "float32" ? f32x4.ne(x, zero) : i32x4.ne(x, zero);
    }
    case "bfloat16":
      if (from === "float32") return roundToBFloat16(e, x, f32x4.ne(x, x));
      if (from === "float64") return doubleToBFloat16(e, x);
      return doubleToBFloat16(e, e.keep(castVector(e, x, from, "float64")));
    case "float32":
      if (from === "float64") return f32x4.demote_f64x2_zero(x);
      return from === "int32" ? f32x4.convert_i32x4_s(x) : f32x4.convert_i32x4_u(x);
    case "float64":
      if (from === "float32") return f64x2.promote_low_f32x4(x);
      return from === "int32" ? f64x2.convert_low_i32x4_s(x) : f64x2.convert_low_i32x4_u(x);
    case "int32":
      if (from === "float64") return i32x4.trunc_sat_f64x2_s_zero(x);
      return from === "float32" ? i32x4.trunc_sat_f32x4_s(x) : x;
    case "uint32":
      if (from === "float64") return i32x4.trunc_sat_f64x2_u_zero(x);
      return from === "float32" ? i32x4.trunc_sat_f32x4_u(x) : x;
  }
}

/** The upper half of float32 bits, rounded to nearest, ties to even; NaN stays NaN. */
function roundToBFloat16(e: Emitter, bits: VectorLocal, isNaN: Vector): Vector {
  const by = i32.const(16);
  const constant = (n: number): Vector => e.constant(i32x4.const(n));
  const upper = e.keep(i32x4.shr_u(bits, by));
  const odd = v128.and(upper, constant(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(bits, constant(0x7fff)), odd), by);
  return e.choose(isNaN, v128.or(upper, constant(0x40)), rounded);
}

function doubleToBFloat16(e: Emitter, x: VectorLocal): Vector {
  const single = e.keep(f32x4.demote_f64x2_zero(x));
  const back = e.keep(f64x2.promote_low_f32x4(single));
  const inexact = e.keep(narrowMask(e, f64x2.ne(back, x)));
  const tooLarge = e.keep(narrowMask(e, f64x2.gt(f64x2.abs(back), f64x2.abs(x))));
  // What float32 rounds away still decides what is a tie: cut it off and mark the last bit instead.
  const cut = i32x4.add(single, tooLarge);
  const marked = v128.or(cut, v128.and(inexact, e.constant(i32x4.const(1))));
  const isNaN = e.keep(f32x4.ne(single, single));
  return roundToBFloat16(e, e.keep(e.choose(isNaN, single, marked)), isNaN);
}
