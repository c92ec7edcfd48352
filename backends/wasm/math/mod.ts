/**
 * The element-wise functions that are made of simpler instructions: no fused multiply-add unless it is asked for, and
 * nothing of the engine's own, so that the bits are the same everywhere.
 *
 * Largest errors in units in the last place, found among 16 million numbers of all exponents against float64
 * (float32), and among 4000 against 60 digits and more (float64); test/wasm-math.test.ts holds them:
 *
 * | function | float32 | float64 |
 * |----------|---------|---------|
 * | cbrt     | 0.97    | 0.90    |
 * | rcbrt    | 1.21    | 1.57    |
 * | exp      | 1.00    | 0.86    |
 * | expm1    | 1.09    | 0.79    |
 * | log      | 0.82    | 0.76    |
 * | log1p    | 0.80    | 0.76    |
 * | sin, cos | 0.50    | 1.77    |
 * | tanh     | 1.31    | 1.12    |
 * | logistic | 2.37    | 1.67    |
 * | erf      | 1.46    | 0.93    |
 * | pow      | 0.50    | 0.89    |
 *
 * sin and cos hold for all finite numbers.
 */
import type { Emitter, Vector, VectorLocal } from "../emitter.ts";
import { call, type FuncRef } from "../module.ts";
import { f32x4, f64x2, shuffle32 } from "../opcodes.ts";
import { cbrtDouble, cbrtSingle, rcbrtDouble, rcbrtSingle } from "./cube-root.ts";
import { erfDouble, erfSingle, exp, expm1, logistic, tanh } from "./exponential.ts";
import { double, type MathFunction, single } from "./format.ts";
import { log, log1p } from "./logarithm.ts";
import { power, roughPower } from "./power.ts";
import { cos, sin } from "./trigonometric.ts";

/** Their names. */
export type MathName =
  | "cbrt"
  | "rcbrt"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "tanh"
  | "logistic"
  | "erf"
  | "pow";

/** A function that the module holds once. */
function outOfLine(name: string, f: MathFunction): MathFunction {
  return (e, x, y) => {
    const make = (): FuncRef<"v128"> =>
      e.module.func(["v128", "v128"], "v128", (inner, a, b) => {
        inner.return(f(e.into(inner), a, b));
      });
    return call(e.helper(name, make), x, y);
  };
}

/** A function whose code stands where it is used, if the engine makes good code of that. */
function inline(name: string, f: MathFunction): MathFunction {
  const called = outOfLine(name, f);
  return (e, x, y) => (e.inlines ? f : called)(e, x, y);
}

/** A function of float32 by way of float64. */
function throughDouble(f: MathFunction): MathFunction {
  return (e, x, y) => {
    const half = (v: VectorLocal, lanes: readonly number[]): VectorLocal =>
      e.keep(f64x2.promote_low_f32x4(shuffle32(v, v, lanes)));
    const of = (lanes: readonly number[]): Vector =>
      f32x4.demote_f64x2_zero(f(e, half(x, lanes), half(y, lanes)));
    const low = of([0, 1, 0, 1]);
    return e.lanes === 2 ? low : joinHalves(e, low, of([2, 3, 2, 3]));
  };
}

function joinHalves(e: Emitter, low: Vector, high: Vector): Vector {
  return shuffle32(e.keep(low), e.keep(high), [0, 1, 4, 5]);
}

const float64: Readonly<Record<MathName, MathFunction>> = {
  cbrt: outOfLine("cbrt", cbrtDouble),
  rcbrt: outOfLine("rcbrt", rcbrtDouble),
  exp: outOfLine("exp", exp(double)),
  expm1: outOfLine("expm1", expm1(double)),
  log: outOfLine("log", log(double)),
  log1p: outOfLine("log1p", log1p(double)),
  sin: outOfLine("sin", sin),
  cos: outOfLine("cos", cos),
  tanh: outOfLine("tanh", tanh(double)),
  logistic: outOfLine("logistic", logistic(double)),
  erf: outOfLine("erf", erfDouble(double)),
  pow: outOfLine("pow", power),
};

const float32: Readonly<Record<MathName, MathFunction>> = {
  // With branches in them these are better inline everywhere.
  cbrt: cbrtSingle,
  rcbrt: rcbrtSingle,
  exp: inline("expSingle", exp(single)),
  expm1: inline("expm1Single", expm1(single)),
  log: inline("logSingle", log(single)),
  log1p: inline("log1pSingle", log1p(single)),
  sin: throughDouble(float64.sin),
  cos: throughDouble(float64.cos),
  tanh: inline("tanhSingle", tanh(single)),
  logistic: inline("logisticSingle", logistic(single)),
  erf: inline("erfSingle", erfSingle(single)),
  pow: throughDouble(outOfLine("roughPow", roughPower)),
};

/** The functions for a dtype. */
export function mathFunctions(
  dtype: "float32" | "float64",
): Readonly<Record<MathName, MathFunction>> {
  return dtype === "float64" ? float64 : float32;
}
