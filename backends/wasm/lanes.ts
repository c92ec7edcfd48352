import type { DType } from "../../src/core/dtype.ts";
import type { Emitter, Vector, VectorLocal } from "./emitter.ts";
import { call, type FuncRef, type Local, type ModuleBuilder, type Value } from "./module.ts";
import { f32, f32x4, f64, f64x2, i32, i32x4, select } from "./opcodes.ts";

/** What vectors have no instruction for, lane by lane. */
function eachInteger(
  e: Emitter,
  a: VectorLocal,
  b: VectorLocal,
  f: (x: Local<"i32">, y: Local<"i32">) => Value<"i32">,
): Vector {
  const result = e.keep(a);
  for (let lane = 0; lane < e.lanes; lane++) {
    const x = e.f.local("i32", i32x4.extract_lane(a, lane));
    const y = e.f.local("i32", i32x4.extract_lane(b, lane));
    e.f.set(result, i32x4.replace_lane(result, lane, f(x, y)));
  }
  return result;
}

/** Shifts; by 32 and more gives 0. */
export function shiftLanes(
  e: Emitter,
  op: "shiftLeft" | "shiftRight",
  a: VectorLocal,
  by: VectorLocal,
  literal: number | undefined,
): Vector {
  const vector = op === "shiftLeft" ? i32x4.shl : i32x4.shr_u;
  if (literal !== undefined) {
    return literal >>> 0 < 32 ? vector(a, i32.const(literal)) : e.constant(i32x4.const(0));
  }
  const scalar = op === "shiftLeft" ? i32.shl : i32.shr_u;
  return eachInteger(
    e,
    a,
    by,
    (x, y) => select(i32.lt_u(y, i32.const(32)), scalar(x, y), i32.const(0)),
  );
}

/** The remainder with the sign of the dividend; integers by zero give the dividend. */
export function remainder(e: Emitter, dtype: DType, a: VectorLocal, b: VectorLocal): Vector {
  if (dtype === "int32" || dtype === "uint32") {
    const rem = dtype === "int32" ? i32.rem_s : i32.rem_u;
    return eachInteger(e, a, b, (x, y) => {
      const divisor = e.f.local("i32", select(y, y, i32.const(1)));
      return select(y, rem(x, divisor), x);
    });
  }
  const fmod = e.helper("remainder", () => makeRemainder(e.module));
  const result = e.keep(a);
  if (dtype === "float64") {
    for (const lane of [0, 1]) {
      const of = (x: Vector): Value => f64x2.extract_lane(x, lane);
      e.f.set(result, f64x2.replace_lane(result, lane, call(fmod, of(a), of(b))));
    }
    return result;
  }
  for (let lane = 0; lane < e.lanes; lane++) {
    const of = (x: Vector): Value => f64.promote_f32(f32x4.extract_lane(x, lane));
    // The remainder of two float32 is a float32.
    e.f.set(result, f32x4.replace_lane(result, lane, f32.demote_f64(call(fmod, of(a), of(b)))));
  }
  return result;
}

/** Exact: subtracts multiples of the divisor by powers of two, each difference being representable. */
function makeRemainder(module: ModuleBuilder): FuncRef<"f64"> {
  return module.func(["f64", "f64"], "f64", (f, x, y) => {
    const a = f.local("f64", f64.abs(x));
    const b = f.local("f64", f64.abs(y));
    // Also where either is NaN.
    f.if(i32.eqz(i32.and(f64.gt(b, f64.const(0)), f64.lt(a, f64.const(Infinity)))), () => {
      f.return(f64.const(NaN));
    });
    f.if(f64.lt(a, b), () => f.return(x));
    const t = f.local("f64", b);
    const half = f64.mul(a, f64.const(0.5));
    f.while(() => f64.le(t, half), () => f.set(t, f64.add(t, t)));
    f.while(() => f64.ge(t, b), () => {
      f.if(f64.ge(a, t), () => f.set(a, f64.sub(a, t)));
      f.set(t, f64.mul(t, f64.const(0.5)));
    });
    f.return(f64.copysign(a, x));
  });
}
