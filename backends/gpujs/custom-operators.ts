/** What operators and functions of a user's function are in gpu.js's dialect. */
import { customArguments, customUses, customValues } from "./custom-functions.ts";
import { exactBound } from "./exactness.ts";
import type { KernelLimits } from "./loop-kernels.ts";
import type { Writer } from "./writer.ts";

/** Their texts, from those of their operands. */
export interface OperatorTexts {
  /** A number that is written in the function, or a constant; where it is to be an integer, a whole one. */
  number(value: number, isWhole?: boolean): string;
  /** A number whose origin compilers are not to know: they take (x + c) - c for x. */
  guarded(text: string): string;
  /** One that they are not to know for another one: they take x - x for 0. Guarding is no difference to them. */
  another(text: string): string;
  /** Any number as gpu.js's float. */
  float(text: string): string;
  /** An integer of gpu.js as its float. Compilers are not to know it: they take 0 * x for 0. */
  numberOf(text: string): string;
  /** `+`, `-`, `*`, `/` and `%`. */
  arithmetic(operator: string, a: string, b: string): string;
  /** A number, and up to `mostTerms` that are added to it one after the other. */
  sum(first: string, terms: readonly string[]): string;
  comparison(operator: string, a: string, b: string): string;
  test(name: "isNaN" | "isFinite", text: string): string;
  /** An operator on bits, of integers and as one. */
  bits(operator: string, a: string, b: string): string;
  /** Any number as an integer. */
  bitsOf(text: string): string;
  bitsOfNumber(value: number): string;
  /** An integer as a number; what `>>>` gives has no sign. */
  numberOfBits(operator: string, text: string): string;
  /** A call of a function of Math. */
  call(name: string, args: readonly string[]): string;
  /** An index as an integer, or -1 for what is none. */
  index(text: string): string;
  /** The same as a number, or 0 for what is none. */
  safeIndex(text: string, extent: number): string;
  isIndex(text: string, extent: number): string;
  /** Functions of custom-functions.ts that were called. */
  readonly customFunctions: ReadonlySet<string>;
}

/** Writes them for a mode. */
export function operatorTexts(
  writer: Writer,
  { rounds: isJavaScript, wgslFunctions, lacksBits }: KernelLimits,
): OperatorTexts {
  /** Whether a driver's compiler comes after gpu.js. */
  const isCompiled = wgslFunctions || lacksBits === true;
  const customFunctions = new Set<string>();

  function custom(name: string, ...args: readonly string[]): string {
    customFunctions.add(name);
    // What it calls is to be there.
    for (const each of customUses(name)) writer.call(each);
    const extra = customArguments(name).map((each) => writer.hidden(customValues[each]!));
    return `${name}(${[...args, ...extra].join(", ")})`;
  }

  const guarded = (text: string): string =>
    lacksBits ? custom("opaqueOf", text) : isCompiled ? writer.call("leftOf", text) : text;

  return {
    number(value, isWhole = false) {
      const single = Math.fround(value);
      // GLSL's compilers take 0 * x for 0; in WGSL all numbers are hidden.
      if (lacksBits && single === 0 && !isWhole) return writer.hidden(single);
      // Whole numbers as they stand, so that they can bound a loop; larger ones are no integers for gpu.js.
      if (!Number.isInteger(single)) return writer.literal(value);
      if (Math.abs(single) > exactBound || Object.is(single, -0)) return writer.hidden(single);
      return single < 0 ? `(-${-single})` : String(single);
    },
    guarded,
    another: (text) =>
      lacksBits ? custom("otherOf", text) : isCompiled ? writer.call("rightOf", text) : text,
    float: (text) => writer.call("floatOf", text),
    numberOf: (text) => isCompiled ? guarded(text) : writer.call("floatOf", text),
    arithmetic: (operator, a, b) =>
      operator === "%" && !isJavaScript ? custom("remainderOf", a, b) : `(${a} ${operator} ${b})`,
    sum: (first, terms) => custom(`sumOf${terms.length}`, first, ...terms),
    comparison(operator, a, b) {
      if (!isCompiled) return `(${a} ${operator} ${b})`;
      switch (operator) {
        case "<":
          return `(${custom("lessOf", a, b)} > 0.5)`;
        case ">":
          return `(${custom("lessOf", b, a)} > 0.5)`;
        case "<=":
          return `(${custom("atMostOf", a, b)} > 0.5)`;
        case ">=":
          return `(${custom("atMostOf", b, a)} > 0.5)`;
        default:
          return `(${custom("sameOf", a, b)} ${operator.startsWith("!") ? "<" : ">"} 0.5)`;
      }
    },
    test: (name, text) =>
      name === "isNaN"
        ? `(${writer.call("numberOf", text)} < 0.5)`
        : `(${isJavaScript ? custom("boundedOf", text) : writer.call("finiteOf", text)} > 0.5)`,
    bits(operator, a, b) {
      // A shift by 32 or more is one by the rest, in JavaScript.
      const isShift = operator.length > 1;
      return `(${a} ${operator} ${isShift && !isJavaScript ? `(${b} & 31)` : b})`;
    },
    bitsOf: (text) => isJavaScript ? text : custom("bitsOf", fractional(text)),
    bitsOfNumber(value) {
      const bits = value | 0;
      return isJavaScript || Math.abs(bits) <= exactBound
        ? `(${bits})`
        : custom("joinedOf", String(bits >>> 16), String(bits & 0xffff));
    },
    numberOfBits: (operator, text) =>
      isJavaScript ? text : guarded(custom(operator === ">>>" ? "unsignedOf" : "signedOf", text)),
    call(name, args) {
      if (isJavaScript) return `Math.${name}(${args.join(", ")})`;
      const own = isCompiled ? safer[name] : undefined;
      return own === undefined ? callText(writer, custom, name, args) : custom(own, ...args);
    },
    index: (text) => custom("indexOf", fractional(text)),
    safeIndex: (text, extent) => custom("safeOf", fractional(text), String(extent)),
    isIndex: (text, extent) => `${custom("insideOf", text, String(extent))} > 0.5`,
    customFunctions,
  };
}

/** In the place of an integer gpu.js makes integers of numbers in a call's arguments, not of a product's right one. */
function fractional(text: string): string {
  // As the left one it takes a number for a float, unless there is a sign before it.
  return /^[\d\s()]*-[\d\s()-]*$/.test(text) ? `1 * ${text}` : `${text} * 1`;
}

/** Functions of custom-functions.ts for those that drivers have with errors of a thousandth, or wrong for NaN. */
const safer: Readonly<Record<string, string>> = {
  acos: "acosOf",
  acosh: "acoshOf",
  asin: "asinOf",
  asinh: "asinhOf",
  atan: "atanOf",
  atan2: "atan2Of",
  atanh: "atanhOf",
  cosh: "coshOf",
  sinh: "sinhOf",
  sqrt: "rootOf",
};

/** Functions of functions.ts with the meaning of those of Math. */
const ours: Readonly<Record<string, string>> = {
  cbrt: "cbrtOf",
  cos: "cosOf",
  exp: "expOf",
  expm1: "expm1Of",
  log: "logOf",
  log1p: "log1pOf",
  max: "largerOf",
  min: "smallerOf",
  sign: "signOf",
  sin: "sinOf",
  tanh: "tanhOf",
};

function callText(
  writer: Writer,
  custom: (name: string, ...args: readonly string[]) => string,
  name: string,
  args: readonly string[],
): string {
  const own = ours[name];
  if (own !== undefined) return writer.call(own, ...args);
  switch (name) {
    case "pow":
      return custom("powerOf", ...args);
    case "log2":
      return custom("log2Of", ...args);
    case "tan":
      return `(${writer.call("sinOf", ...args)} / ${writer.call("cosOf", ...args)})`;
    case "log10":
      return `(${writer.call("logOf", ...args)} * ${Math.LOG10E})`;
    case "round":
      // WGSL's own rounds halves to even.
      return custom("nearestOf", ...args);
    default:
      return `Math.${name}(${args.join(", ")})`;
  }
}
