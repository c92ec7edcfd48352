import type { Statement } from "../../src/backend/loop.ts";
import { type DType, isInteger } from "../../src/core/dtype.ts";
import { isCovered, productOf, shareFactors } from "./products.ts";
import type { Value } from "./value.ts";
import { isFloat, type Writer } from "./writer.ts";

type Apply = Extract<Statement, { kind: "apply" }>;

/** An element-wise primitive on named values, as a named value. */
export function applyTo(
  writer: Writer,
  { op, params, dtype }: Apply,
  args: readonly Value[],
): Value {
  const same = sameAs(op, dtype, args);
  if (same !== undefined) return same;
  const text = textOf(writer, op, params, dtype, args);
  const rounded = writer.rounds && dtype === "float32" && !isExact.has(op)
    ? `Math.fround(${text})`
    : text;
  const isOfFloats = isFloat(args.at(-1)!.dtype);
  const product = isOfFloats ? productOf(op, args) : undefined;
  return {
    name: writer.define(rounded),
    dtype,
    isComputed: true,
    ...(product !== undefined && { product }),
  };
}

/** The operand that it is nothing but. */
function sameAs(op: Apply["op"], dtype: DType, args: readonly Value[]): Value | undefined {
  if (op === "bitcast" || op === "stopGradient") return args[0];
  if (op === "cast" && args[0]!.dtype === dtype) return args[0];
  if (op === "cast" && isFloat(args[0]!.dtype) && dtype === "float32") {
    return { ...args[0]!, dtype };
  }
  return op === "select" && args[1]!.name === args[2]!.name ? args[1] : undefined;
}

const signs = { equal: "===", less: "<", lessEqual: "<=" } as const;
const comparisons = { equal: "isEqual", less: "isLess", lessEqual: "isAtMost" } as const;

/** What needs no rounding in mode "cpu". */
const isExact: ReadonlySet<string> = new Set(
  ["neg", "abs", "sign", "floor", "ceil", "round", "max", "min", "select", "stopGradient"],
);

function textOf(
  writer: Writer,
  op: Apply["op"],
  params: Apply["params"],
  dtype: DType,
  args: readonly Value[],
): string {
  const { call } = writer;
  const [a, b, c] = args.map(({ name }) => name) as [string, string, string];
  const isSame = a === b;
  const ofIntegers = isInteger(args[0]!.dtype);
  // Whole numbers have no -0.
  const whole = (text: string): string => ofIntegers ? `(${text} + ${writer.hidden(0)})` : text;
  switch (op) {
    case "neg":
      // Drivers take -(x - 2) for 2 - x, which is 0 and not -0 where x is 2.
      return whole(`(-${ofIntegers ? a : apart(writer, args[0]!, 0)})`);
    case "abs":
      return `Math.abs(${a})`;
    case "sign":
      return call("signOf", a);
    case "floor":
      return `Math.floor(${a})`;
    case "ceil":
      return `Math.ceil(${a})`;
    case "round":
      return call("roundOf", a);
    case "sqrt":
      // Drivers take the square of a root for its argument, or the magnitude of that.
      return `(${a} < 0 ? ${writer.hidden(NaN)} : Math.sqrt(${apart(writer, args[0]!, 0)}))`;
    case "cbrt":
      return call("cbrtOf", a);
    case "rcbrt":
      return call("rcbrtOf", a);
    case "exp":
      return call("expOf", a);
    case "expm1":
      return call("expm1Of", a);
    case "log":
      return call("logOf", a);
    case "log1p":
      return call("log1pOf", a);
    case "sin":
      return call("sinOf", a);
    case "cos":
      return call("cosOf", a);
    case "tanh":
      return call("tanhOf", a);
    case "logistic":
      return call("logisticOf", a);
    case "erf":
      return call("erfOf", a);
    case "isFinite":
      return call("finiteOf", a);
    case "not":
      return `(1 - ${a})`;
    case "cast":
      return castText(writer, args[0]!, (params as { dtype: DType }).dtype);
    case "add":
    case "sub": {
      // Nothing but 0 and NaN comes of x - x, and drivers forget the NaN.
      if (op === "sub" && isSame && !ofIntegers) {
        return `(${call("finiteOf", a)} > 0.5 ? 0 : ${writer.hidden(NaN)})`;
      }
      if (ofIntegers) return `(${a} ${op === "add" ? "+" : "-"} ${b})`;
      // A factor that two terms share is taken out of their sum, and NaN with it.
      const shares = shareFactors(args);
      const [left, right] = args.map((each, side) => {
        const isRisky = each.product === undefined || shares;
        return isRisky ? apart(writer, each, side) : each.name;
      });
      return `(${left} ${op === "add" ? "+" : "-"} ${right})`;
    }
    case "mul":
    case "div": {
      const [left, right] = ofIntegers
        ? [a, b]
        : args.map((each, side) =>
          isCovered(op, args, side) ? apart(writer, each, side) : each.name
        );
      return whole(`(${left} ${op === "mul" ? "*" : "/"} ${right})`);
    }
    case "pow":
      return call("powOf", a, b);
    case "max":
    case "min": {
      const at = args.findIndex(({ literal }) =>
        literal !== undefined && literal === literal && !Object.is(literal, -0)
      );
      if (at < 0) return call(op === "max" ? "largerOf" : "smallerOf", a, b);
      const { name: bound, literal } = args[at]!;
      const side = op === "max" ? "Below" : "Above";
      return call(`bounded${side}${literal! < 0 ? "ByNegative" : ""}`, args[1 - at]!.name, bound);
    }
    case "equal":
    case "less":
    case "lessEqual": {
      if (isSame && op === "less") return writer.hidden(0);
      const ofFloats = isFloat(args[0]!.dtype);
      if (isSame && ofFloats) return call("numberOf", a);
      if (writer.rounds || !ofFloats) return `(${a} ${signs[op]} ${b} ? 1 : 0)`;
      // Drivers take x + y < y for x < 0.
      return call(
        comparisons[op],
        ...args.map((each, side) =>
          each.literal === undefined ? apart(writer, each, side) : each.name
        ),
      );
    }
    case "and":
      return `(${a} * ${b})`;
    case "or":
      return `(${a} + ${b} > 0.5 ? 1 : 0)`;
    case "xor":
      return `(${a} === ${b} ? 0 : 1)`;
    case "select":
      return `(${a} > 0.5 ? ${b} : ${c})`;
    default:
      // exactness.ts sends these elsewhere.
      throw new Error(`gpujs: ${op} on ${dtype} has no text`);
  }
}

/**
 * A primitive on the bits of a float32, which are held as that float32, and on the bits of a number that is known:
 * what `ofBits` of exactness.ts lets pass.
 */
export function applyToBits(
  writer: Writer,
  { op, dtype }: Apply,
  operand: Value,
  constant: number | undefined,
): Value {
  const x = operand.name;
  if (op === "bitcast") return { name: x, dtype };
  const bound = writer.literal(new Float32Array(Int32Array.of(constant!).buffer)[0]!);
  switch (op) {
    case "max":
      return { name: writer.define(`(${x} > ${bound} ? ${x} : ${bound})`), dtype };
    case "min":
      return { name: writer.define(`(${x} < ${bound} ? ${x} : ${bound})`), dtype };
    case "and":
      return { name: writer.define(writer.call("powerBelow", x)), dtype };
    case "sub":
      return { name: writer.define(writer.call("inversePower", x)), dtype };
    default:
      throw new Error(`gpujs: ${op} on bits has no text`);
  }
}

/**
 * A literal, or what was computed of others, as a value of which drivers know nothing. Else they take (a + b) - a for b
 * and x * y - y * x for 0. The two sides differ in how, lest they be found equal.
 */
function apart(
  writer: Writer,
  { name, isComputed, literal }: Value,
  side: number,
): string {
  if (writer.rounds) return name;
  if (literal !== undefined) return writer.hidden(literal);
  return isComputed === true ? writer.call(side === 0 ? "leftOf" : "rightOf", name) : name;
}

function castText(writer: Writer, value: Value, to: DType): string {
  const { name, dtype } = value;
  // Drivers make a choice of x times the 0 or 1 of a comparison, and forget that NaN times 0 is NaN.
  if (dtype === "bool" && isFloat(to)) {
    return `(${name} > 0.5 ? ${writer.hidden(1)} : ${writer.hidden(0)})`;
  }
  if (to === "bool") return `(${apart(writer, value, 0)} === 0 ? 0 : 1)`;
  if (to === "bfloat16") return writer.call("bfloat16Of", name);
  if (to === "int32" && isFloat(dtype)) {
    return writer.call("truncatedOf", name, "-2147483648", "2147483647");
  }
  if (to === "uint32" && isFloat(dtype)) return writer.call("truncatedOf", name, "0", "4294967295");
  return name;
}

/** Combines an accumulator with one more value. */
export function combineText(
  writer: Writer,
  op: "sum" | "max" | "min",
  accumulator: string,
  value: string,
): string {
  if (op === "sum") {
    const text = `${accumulator} + ${value}`;
    return writer.rounds ? `Math.fround(${text})` : text;
  }
  return writer.call(op === "max" ? "largerOf" : "smallerOf", accumulator, value);
}

/** What a reduction over nothing gives. */
export function initialText(writer: Writer, op: "sum" | "max" | "min", dtype: DType): string {
  // Drivers take 0 / x for 0, whatever x is.
  if (op === "sum") return writer.hidden(0);
  // Of whole numbers there is at least one, and every one of them is between these.
  if (dtype === "bool") return op === "max" ? "0" : "1";
  return writer.hidden(op === "max" ? -Infinity : Infinity);
}
