import { type DType, isFloating } from "../../src/core/dtype.ts";
import type { ElementwiseName, PrimitiveParams } from "../../src/graph/instruction-set.ts";
import { type Argument, typeOf, widen } from "./argument.ts";
import type { Width } from "./function-text.ts";
import { covered, floatArithmetic, isArithmetic, signs } from "./float-arithmetic.ts";
import type { Functions } from "./functions.ts";
import { refuseDouble } from "./transfer.ts";
import { valueType } from "./shader.ts";

/**
 * A number that the compiler does not know: with known ones it would compute itself, which is an error where that
 * overflows, and zeros lose their sign.
 */
export function hidden(dtype: DType, text: string): string {
  switch (valueType(dtype)) {
    case "f32":
      return `bitcast<f32>(bitcast<u32>(${text}) | zeroBits)`;
    case "i32":
      return `(${text} | i32(zeroBits))`;
    case "u32":
      return `(${text} | zeroBits)`;
    case "bool":
      return `(${text} | (zeroBits != 0u))`;
  }
}

/** An element-wise primitive as an expression. */
export function applyText(
  functions: Functions,
  width: Width,
  op: ElementwiseName,
  params: PrimitiveParams[ElementwiseName],
  args: readonly Argument[],
): string {
  const { dtype } = args[0]!;
  if (args.some((arg) => arg.dtype === "float64")) refuseDouble(op);
  const isFloat = dtype === "float32" || dtype === "bfloat16";
  const [a, b, c] = args.map(({ text }) => text) as [string, string, string];
  const call = (name: string, ...operands: string[]) =>
    `${functions.use(name, width)}(${operands.join(", ")})`;
  const apart = (arg: Argument, side = 0) =>
    isArithmetic(arg)
      ? covered(functions, width, side === 0 ? "obscure" : "opaque", arg)
      : arg.text;
  const compare = (name: "equal" | "less" | "lessEqual") => {
    const ofBits = name === "equal" ? name : positive(name, args);
    return ofBits === name ? call(name, ...args.map(apart)) : call(ofBits, a, b);
  };
  const I = widen("i32", width);
  const U = widen("u32", width);

  switch (op) {
    case "neg": {
      const { from } = args[0]!;
      if (!isFloat || (from !== "add" && from !== "sub")) return `-${a}`;
      // Compilers take -(x - 2) for 2 - x, which is 0 and not -0 where x is 2.
      return `bitcast<${widen("f32", width)}>(bitcast<${U}>(${a}) ^ ${U}(0x80000000u))`;
    }
    case "abs":
      // A root may be -0, of which compilers do not think.
      return `abs(${args[0]!.from === "sqrt" ? call("opaque", a) : a})`;
    case "sign":
      return isFloat ? call("sign", a) : `clamp(${a}, ${I}(-1), ${I}(1))`;
    case "floor":
    case "ceil":
    case "round":
      return `${op}(${a})`;
    case "sqrt":
      return `sqrt(${apart(args[0]!)})`;
    case "cbrt":
    case "rcbrt": {
      const least = args[0]!.least ?? -1;
      if (least < 0) return call(op, a);
      const root = op === "cbrt" ? "Cbrt" : "Rcbrt";
      return call(least < 2 ** -126 ? `positive${root}` : `normal${root}`, a);
    }
    case "exp":
    case "expm1":
    case "log":
    case "log1p":
    case "sin":
    case "cos":
    case "tanh":
    case "logistic":
    case "erf":
      return call(op, a);
    case "pow":
      return call(op, a, b);
    case "isFinite":
      return call("isFinite", a);
    case "not":
      return dtype === "bool" ? `!${a}` : `~${a}`;
    case "cast":
      return castText(functions, width, args[0]!, (params as PrimitiveParams["cast"]).dtype);
    case "bitcast":
      return dtype === "bool"
        ? a
        : `bitcast<${typeOf((params as PrimitiveParams["bitcast"]).dtype, width)}>(${a})`;
    case "stopGradient":
      return a;
    case "add":
    case "sub":
    case "mul":
    case "div":
      if (isFloat) return floatArithmetic(functions, width, op, args[0]!, args[1]!);
      return `${a} ${signs[op]} ${b}`;
    case "rem":
      if (isFloat) return call("remainder", a, b);
      // By zero it is the dividend.
      if (dtype === "int32") {
        // Of negative numbers OpenGL, on which some implementations run, leaves % open, but not division.
        const divisor = `select(${b}, ${I}(1), ${b} == ${I}(0))`;
        return `select(${a} - ${a} / ${divisor} * ${divisor}, ${a}, ${b} == ${I}(0))`;
      }
      return `select(${a} % max(${b}, ${U}(1u)), ${a}, ${b} == ${U}(0u))`;
    case "max":
      if (isFloat) return largerText(call, args[0]!, args[1]!);
      return dtype === "bool" ? `${a} | ${b}` : `max(${a}, ${b})`;
    case "min":
      if (isFloat) return smallerText(call, args[0]!, args[1]!);
      return dtype === "bool" ? `${a} & ${b}` : `min(${a}, ${b})`;
    case "equal":
      if (isFloat && args[1]!.literal === 0) return call("isZero", a);
      return isFloat ? compare("equal") : `${a} == ${b}`;
    case "less":
      if (dtype === "bool") return `!${a} & ${b}`;
      return isFloat ? compare("less") : `${a} < ${b}`;
    case "lessEqual":
      if (dtype === "bool") return `!${a} | ${b}`;
      return isFloat ? compare("lessEqual") : `${a} <= ${b}`;
    case "and":
      return `${a} & ${b}`;
    case "or":
      return `${a} | ${b}`;
    case "xor":
      return dtype === "bool" ? `${a} != ${b}` : `${a} ^ ${b}`;
    case "shiftLeft":
    case "shiftRight": {
      // Zeros come in from the left, for int32 too, and from 32 on nothing is left.
      const by = dtype === "uint32" ? b : `bitcast<${U}>(${b})`;
      const from = dtype === "uint32" ? a : `bitcast<${U}>(${a})`;
      const shift = op === "shiftLeft" ? "<<" : ">>";
      const bits = `select(${U}(0u), ${from} ${shift} (${by} & ${U}(31u)), ${by} < ${U}(32u))`;
      return dtype === "uint32" ? bits : `bitcast<${I}>(${bits})`;
    }
    case "select":
      return `select(${c}, ${b}, ${a})`;
  }
}

type Call = (name: string, ...operands: string[]) => string;

/** The function for floats without a sign, if these are. */
function positive(name: string, args: readonly Argument[]): string {
  return args.every(({ least }) => least !== undefined) ? `${name}Positive` : name;
}

/** Whether a float is a known number, and not -0. */
const isBound = ({ literal }: Argument): boolean =>
  literal !== undefined && !Number.isNaN(literal) && !Object.is(literal, -0);

/** Whether a float is no smaller than the least normal number. */
const isNormal = ({ least = 0 }: Argument): boolean => least >= 2 ** -126;

/** The larger of two floats; simpler where more is known of one. */
function largerText(call: Call, a: Argument, b: Argument): string {
  if (isBound(a) || (a.least !== undefined && !isBound(b))) [a, b] = [b, a];
  if (b.least === undefined) {
    return call(isBound(b) ? "atLeastNegative" : "larger", a.text, b.text);
  }
  if (a.least === undefined && isBound(b)) return call("atLeast", a.text, b.text);
  const name = a.least === undefined ? "largerThanPositive" : "largerPositive";
  const larger = call(name, a.text, b.text);
  // Among subnormal numbers it is the device that says which ones count as 0, in all of its operations alike.
  return isNormal(a) || isNormal(b) || isBound(b) ? larger : call("taken", larger);
}

/** The smaller of two floats; simpler where more is known of one. */
function smallerText(call: Call, a: Argument, b: Argument): string {
  if (isBound(a)) [a, b] = [b, a];
  if (isBound(b)) return call(b.literal! < 0 ? "atMostNegative" : "atMost", a.text, b.text);
  return call(positive("smaller", [a, b]), a.text, b.text);
}

/** A value in another dtype. */
export function castText(
  functions: Functions,
  width: Width,
  { text, dtype }: Argument,
  to: DType,
): string {
  if (to === "float64" || dtype === "float64") return refuseDouble("cast");
  const call = (name: string) => `${functions.use(name, width)}(${text})`;
  const type = typeOf(to, width);
  if (dtype === to) return text;
  if (dtype === "bool") {
    if (isFloating(to)) {
      // The compiler may know that it is false, but not that this is 0.
      const U = widen("u32", width);
      return `bitcast<${type}>(select(${U}(zeroBits), ${U}(0x3f800000u), ${text}))`;
    }
    return `select(${type}(0), ${type}(1), ${text})`;
  }
  if (dtype === "int32" || dtype === "uint32") {
    if (to === "bool") return `${text} != ${typeOf(dtype, width)}(0)`;
    if (to === "bfloat16") return call(dtype === "int32" ? "intToBFloat16" : "uintToBFloat16");
    if (to !== "float32") return `bitcast<${type}>(${text})`;
    const float = dtype === "int32" ? `${type}(${text})` : call("uintToFloat");
    return `${functions.use("hidden", width)}(${float})`;
  }
  switch (to) {
    case "bool": {
      // A subnormal number is not zero, and a device may flush it.
      const U = widen("u32", width);
      return `(bitcast<${U}>(${text}) & ${U}(0x7fffffffu)) != ${U}(0u)`;
    }
    case "int32":
      return call("toInt");
    case "uint32":
      return call("toUint");
    case "bfloat16":
      return call("toBFloat16");
    case "float32":
      return text;
  }
}
