import type { Statement } from "../../src/backend/loop.ts";
import { type DType, isInteger } from "../../src/core/dtype.ts";
import { isFloat, type Writer } from "./writer.ts";

/** A value that a kernel has a name for; truth values are 0 and 1. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  /** Whether it is a sum or a difference. */
  readonly isSum?: boolean;
  /** Of a product or a quotient: the names of all that it is made of, and whether a literal or a division is among it. */
  readonly factors?: ReadonlySet<string>;
  /** The number, of float32, that it is for certain. */
  readonly literal?: number;
}

type Apply = Extract<Statement, { kind: "apply" }>;

/** An element-wise primitive on named values, as a named value. */
export function applyTo(
  writer: Writer,
  { op, params, dtype }: Apply,
  args: readonly Value[],
): Value {
  const text = textOf(writer, op, params, dtype, args);
  const rounded = writer.rounds && dtype === "float32" && !isExact.has(op)
    ? `Math.fround(${text})`
    : text;
  const isSum = op === "add" || op === "sub" || op === "neg";
  const factors = op === "mul" || op === "div" ? factorsOf(op, args) : undefined;
  return { name: writer.define(rounded), dtype, isSum, ...(factors !== undefined && { factors }) };
}

const division = "a division";
const literals = "a literal";

function factorsOf(op: "mul" | "div", args: readonly Value[]): Set<string> {
  const factors = new Set(args.flatMap(partsOf));
  if (op === "div") factors.add(division);
  return factors;
}

function partsOf({ name, factors = new Set(), literal }: Value): string[] {
  return [name, ...factors, ...(literal === undefined ? [] : [literals])];
}

/** What two values, one of which is a product or a quotient, have in common. */
function sharedFactors([a, b]: readonly Value[]): string[] {
  if (a!.factors === undefined && b!.factors === undefined) return [];
  const parts = new Set(partsOf(a!));
  return partsOf(b!).filter((part) => parts.has(part));
}

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
      return whole(`(-${a})`);
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
      return `(${a} < 0 ? ${writer.hidden(NaN)} : Math.sqrt(${a}))`;
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
    case "bitcast":
    case "stopGradient":
      return a;
    case "add":
    case "sub": {
      // Nothing but 0 and NaN comes of x - x, and drivers forget the NaN.
      if (op === "sub" && isSame && !ofIntegers) {
        return `(${call("finiteOf", a)} > 0.5 ? 0 : ${writer.hidden(NaN)})`;
      }
      if (ofIntegers) return `(${a} ${op === "add" ? "+" : "-"} ${b})`;
      // A factor that two terms share is taken out of their sum, and NaN with it.
      const shares = sharedFactors(args).some((part) => part !== literals);
      const [left, right] = apart(writer, args, ({ isSum }) => isSum === true || shares);
      return `(${left} ${op === "add" ? "+" : "-"} ${right})`;
    }
    case "mul": {
      // What was divided comes back where a quotient is multiplied by what it was divided by; literals are joined.
      const shared = sharedFactors(args);
      const isRisky = !ofIntegers && (shared.includes(literals) ||
        (shared.length > 0 && args.some(({ factors }) => factors?.has(division))));
      const [left, right] = isRisky ? apart(writer, args, () => true) : [a, b];
      return whole(`(${left} * ${right})`);
    }
    case "div": {
      const isRisky = sharedFactors(args).length > 0;
      const [left, right] = isRisky ? apart(writer, args, () => true) : [a, b];
      return `(${left} / ${right})`;
    }
    case "pow":
      return call("powOf", a, b);
    case "max":
    case "min": {
      // With a number that is neither NaN nor 0 one comparison tells; where it does not hold NaN stays.
      const at = args.findIndex(({ literal }) =>
        literal !== undefined && literal !== 0 && literal === literal
      );
      if (at < 0) return call(op === "max" ? "largerOf" : "smallerOf", a, b);
      const [bound, x] = [args[at]!.name, args[1 - at]!.name];
      return `(${x} ${op === "max" ? "<" : ">"} ${bound} ? ${bound} : ${x})`;
    }
    case "equal":
    case "lessEqual":
      if (isSame && isFloat(args[0]!.dtype)) return call("numberOf", a);
      return `(${a} ${op === "equal" ? "===" : "<="} ${b} ? 1 : 0)`;
    case "less":
      if (isSame) return writer.hidden(0);
      return `(${a} < ${b} ? 1 : 0)`;
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
 * Operands, the risky ones as drivers cannot know them. Else they take (a + b) - a for b, x * y - y * x for 0 and
 * x * y / y for x, and join literals. The two sides differ in how, lest they be found equal.
 */
function apart(
  writer: Writer,
  args: readonly Value[],
  isRisky: (each: Value) => boolean,
): string[] {
  return args.map((each, side) => {
    const { name, isSum, factors, literal } = each;
    if (writer.rounds) return name;
    if (literal !== undefined) return writer.hidden(literal);
    const isMade = isSum === true || factors !== undefined;
    return isMade && isRisky(each) ? writer.call(side === 0 ? "leftOf" : "rightOf", name) : name;
  });
}

function castText(writer: Writer, { name, dtype }: Value, to: DType): string {
  if (dtype === to) return name;
  // Drivers make a choice of x times the 0 or 1 of a comparison, and forget that NaN times 0 is NaN.
  if (dtype === "bool" && isFloat(to)) {
    return `(${name} > 0.5 ? ${writer.hidden(1)} : ${writer.hidden(0)})`;
  }
  if (to === "bool") return `(${name} === 0 ? 0 : 1)`;
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
