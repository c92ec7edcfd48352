import type { DType } from "../../src/core/dtype.ts";
import type { ElementwiseName, PrimitiveParams } from "../../src/graph/instruction-set.ts";
import { castVector, narrowMask, widenMask } from "./cast.ts";
import { extremum, type Known } from "./extrema.ts";
import { constantOf, type Emitter, type Vector, type VectorLocal } from "./emitter.ts";
import { mathFunctions } from "./math/mod.ts";
import { remainder, shiftLanes } from "./lanes.ts";
import { f32x4, f64x2, i32x4, v128 } from "./opcodes.ts";

/** An operand of an element-wise instruction. */
export interface Argument extends Known {
  readonly dtype: DType;
}

/** An element-wise instruction on vectors. */
export function applyVector(
  e: Emitter,
  op: ElementwiseName,
  params: PrimitiveParams[ElementwiseName],
  args: readonly Argument[],
): Vector {
  const { x: a, dtype } = args[0]!;
  const b = args[1]?.x ?? a;
  const isFloat = dtype === "float32" || dtype === "float64";
  const wide = dtype === "float64";
  const F = wide ? f64x2 : f32x4;
  const constant = (n: number): VectorLocal => e.constant(constantOf(dtype, n));
  /** A comparison's mask in lanes of 32 bits. */
  const mask = (m: Vector): Vector => wide ? narrowMask(e, m) : m;
  // Masks compare as unsigned numbers too: false < true.
  const isSigned = dtype === "int32";

  switch (op) {
    case "neg":
      return isFloat ? F.neg(a) : i32x4.neg(a);
    case "abs":
      return isFloat ? F.abs(a) : i32x4.abs(a);
    case "sign": {
      if (!isFloat) return i32x4.max_s(i32x4.min_s(a, constant(1)), constant(-1));
      const signed = v128.or(v128.and(a, constant(-0)), constant(1));
      // Zeros and NaN stay what they are.
      return e.choose(F.gt(F.abs(a), constant(0)), signed, a);
    }
    case "floor":
      return F.floor(a);
    case "ceil":
      return F.ceil(a);
    case "round":
      return F.nearest(a);
    case "sqrt":
      return F.sqrt(a);
    case "cbrt":
    case "rcbrt":
    case "exp":
    case "expm1":
    case "log":
    case "log1p":
    case "sin":
    case "cos":
    case "tanh":
    case "logistic":
    case "erf":
    case "pow":
      return mathFunctions(wide ? "float64" : "float32")[op](e, a, b);
    case "isFinite":
      return mask(F.lt(F.abs(a), constant(Infinity)));
    case "not":
      return v128.not(a);
    case "cast":
      return castVector(e, a, dtype, (params as PrimitiveParams["cast"]).dtype);
    case "bitcast":
    case "stopGradient":
      return a;
    case "add":
      return isFloat ? F.add(a, b) : i32x4.add(a, b);
    case "sub":
      return isFloat ? F.sub(a, b) : i32x4.sub(a, b);
    case "mul":
      return isFloat ? F.mul(a, b) : i32x4.mul(a, b);
    case "div":
      return F.div(a, b);
    case "rem":
      return remainder(e, dtype, a, b);
    case "max":
      if (isFloat) return extremum(e, op, dtype, args[0]!, args[1]!);
      return isSigned ? i32x4.max_s(a, b) : i32x4.max_u(a, b);
    case "min":
      if (isFloat) return extremum(e, op, dtype, args[0]!, args[1]!);
      return isSigned ? i32x4.min_s(a, b) : i32x4.min_u(a, b);
    case "equal":
      return isFloat ? mask(F.eq(a, b)) : i32x4.eq(a, b);
    case "less":
      return isFloat ? mask(F.lt(a, b)) : isSigned ? i32x4.lt_s(a, b) : i32x4.lt_u(a, b);
    case "lessEqual":
      return isFloat ? mask(F.le(a, b)) : isSigned ? i32x4.le_s(a, b) : i32x4.le_u(a, b);
    case "and":
      return v128.and(a, b);
    case "or":
      return v128.or(a, b);
    case "xor":
      return v128.xor(a, b);
    case "shiftLeft":
    case "shiftRight":
      return shiftLanes(e, op, a, b, args[1]!.literal);
    case "select": {
      const [, yes, no] = args as [Argument, Argument, Argument];
      const mask = yes.dtype === "float64" ? widenMask(a) : a;
      if (Object.is(yes.literal, 0)) return v128.andnot(no.x, mask);
      if (Object.is(no.literal, 0)) return v128.and(yes.x, mask);
      return e.choose(mask, yes.x, no.x);
    }
  }
}
