/** Operators of users' functions that gpu.js, or a device, does not take as JavaScript does, as functions in its dialect. */
import { type HelperFunction, unexpectedTranslation } from "./gpu.ts";

type Kind = "Number" | "Integer";

interface Definition {
  readonly parameters: readonly string[];
  /** What the parameters are, and the result; numbers where absent. */
  readonly takes?: Kind;
  readonly gives?: Kind;
  readonly calls?: readonly string[];
  /** Functions of functions.ts that it calls. */
  readonly uses?: readonly string[];
  readonly body: string;
  /** In WGSL, which knows the bits of numbers; parameters are called user_x and so on. */
  readonly wgsl?: string;
}

const known = (name: string): string => `(${name} <= large || ${name} >= -large)`;
const isKnown = (name: string): string =>
  `((bitcast<u32>(user_${name}) & 0x7fffffffu) <= 0x7f800000u)`;

/** A number that is not above another one has not the larger of these; 0 and -0 have the same. */
const order = (name: string): string =>
  `let ${name} = bitcast<i32>(user_${name});
let order_${name} = select(${name}, -(${name} & 0x7fffffff), ${name} < 0);\n`;

/**
 * Compilers take NaN for impossible, so that it is told from numbers before they are compared; and x + c == c for
 * x == 0, which it is not, so that numbers are compared by their bits. With `&&` there would be branches, and SwiftShader
 * takes an age to compile loops with many of them.
 */
const comparison = (sign: string): Definition => ({
  parameters: ["a", "b", "large"],
  body: `const areKnown = ${known("a")} && ${known("b")} ? 1 : 0;
    return areKnown > 0.5 && a ${sign} b ? 1 : 0;`,
  wgsl: `${order("a")}${order("b")}let areKnown = ${isKnown("a")} & ${isKnown("b")};
return select(0.0, 1.0, areKnown & (order_a ${sign === "===" ? "==" : sign} order_b));`,
});

/** So many terms of a sum are added by one call, of sums of more than a few. */
export const mostTerms = 8;
export const fewTerms = 4;

function sumOf(count: number): Definition {
  const terms = Array.from({ length: count }, (_, i) => `t${i + 1}`);
  const sums = terms.map((term, i) => `const s${i + 1} = leftOf(s${i} + ${term}, large);`);
  return {
    parameters: ["s0", ...terms, "large"],
    uses: ["leftOf"],
    body: `${sums.join("\n")}\nreturn s${count};`,
  };
}

const definitions: Readonly<Record<string, Definition>> = {
  ...Object.fromEntries(
    Array.from({ length: mostTerms }, (_, i) => [`sumOf${i + 1}`, sumOf(i + 1)]),
  ),

  lessOf: comparison("<"),
  atMostOf: comparison("<="),
  sameOf: comparison("==="),

  /** An integer's 32 bits for any number, as JavaScript takes them: the whole part modulo 2^32, and 0 of NaN. */
  bitsOf: {
    parameters: ["x", "large"],
    gives: "Integer",
    // Exact: what is divided by a power of two, or lies above 2^31, has few digits.
    body: `const size = Math.floor(Math.abs(x));
      const rest = size - 4294967296 * Math.floor(size / 4294967296);
      const whole = rest >= 2147483648 ? rest - 4294967296 : rest;
      const isFinite = x <= large && x >= -large ? 1 : 0;
      // 2^31 and -2^31 have the same bits.
      return isFinite > 0.5 ? (x < 0 && whole > -2147483648 ? -whole : whole) : 0;`,
    wgsl: `let bits = bitcast<u32>(user_x);
let digits = (bits & 0x7fffffu) | 0x800000u;
let exponent = i32((bits >> 23u) & 0xffu) - 150;
let left = select(0u, digits << (u32(exponent) & 31u), exponent < 32);
let right = select(0u, digits >> (u32(-exponent) & 31u), exponent > -24);
let size = bitcast<i32>(select(right, left, exponent >= 0));
return select(size, -size, (bits >> 31u) != 0u);`,
  },

  /** An integer from its upper and lower 16 bits. */
  joinedOf: {
    parameters: ["high", "low"],
    gives: "Integer",
    body: "return (high << 16) | low;",
  },

  /** An integer as a number. */
  signedOf: { parameters: ["i"], takes: "Integer", body: "return i;" },

  /** Its bits as a number without sign. */
  unsignedOf: {
    parameters: ["i"],
    takes: "Integer",
    calls: ["signedOf"],
    // Both parts are exact, so that their sum is rounded once.
    body: "return signedOf(i >>> 16) * 65536 + signedOf(i & 65535);",
  },

  /** x - y trunc(x / y), exactly: multiples of y by powers of two are taken away, of which each difference is exact. */
  remainderOf: {
    parameters: ["x", "y", "large", "nan"],
    body: `let rest = Math.abs(x);
      const size = Math.abs(y);
      let multiple = size;
      const isUsual = rest <= large && size > 0 && (size <= large || size >= large) ? 1 : 0;
      if (isUsual > 0.5) {
        while (multiple <= rest * 0.5) { multiple = multiple * 2; }
        while (multiple >= size && rest >= size) {
          if (rest >= multiple) { rest = rest - multiple; }
          multiple = multiple * 0.5;
        }
      }
      const signed = x < 0 ? -rest : (rest === 0 && x === 0 ? x : rest);
      return isUsual > 0.5 ? signed : nan;`,
    wgsl: `let sign = bitcast<u32>(user_x) & 0x80000000u;
let size = bitcast<u32>(user_y) & 0x7fffffffu;
var rest = bitcast<u32>(user_x) & 0x7fffffffu;
if (rest >= 0x7f800000u || size == 0u || size > 0x7f800000u) { return user_nan; }
if (rest < size) { return user_x; }
// Both as whole numbers of one unit, and the digits of a quotient one by one.
let restExponent = max(rest >> 23u, 1u);
let sizeExponent = max(size >> 23u, 1u);
rest = select(rest & 0x7fffffu, (rest & 0x7fffffu) | 0x800000u, rest >= 0x800000u);
let unit = select(size & 0x7fffffu, (size & 0x7fffffu) | 0x800000u, size >= 0x800000u);
rest = rest % unit;
for (var i = sizeExponent; i < restExponent; i++) { rest = (rest * 2u) % unit; }
if (rest == 0u) { return bitcast<f32>(sign); }
// In [2^23, 2^24), unless it is subnormal.
let lead = min(countLeadingZeros(rest) - 8u, sizeExponent - 1u);
let bits = rest << lead;
let exponent = select(0u, sizeExponent - lead, bits >= 0x800000u);
return bitcast<f32>(sign | (exponent << 23u) | (bits & 0x7fffffu));`,
  },

  /** Halves go up. */
  nearestOf: {
    parameters: ["x"],
    body: `const below = Math.floor(x);
      const nearest = x - below >= 0.5 ? below + 1 : below;
      return x < 0 ? -Math.abs(nearest) : nearest;`,
    wgsl: `let below = floor(user_x);
let nearest = select(below, below + 1.0, user_x - below >= 0.5);
let isKnown = ${isKnown("x")};
let signed = (bitcast<u32>(nearest) & 0x7fffffffu) | (bitcast<u32>(user_x) & 0x80000000u);
return select(user_x, bitcast<f32>(signed), isKnown);`,
  },

  /** x + x^3 P(x^2) below tan(pi / 8), where every other angle is brought by one of pi / 4 or pi / 2. */
  atanOf: {
    parameters: ["x"],
    body: `const size = Math.abs(x);
      const t = size > 2.4142135 ? -1 / size : (size > 0.41421357 ? (size - 1) / (size + 1) : size);
      const base = size > 2.4142135 ? ${Math.PI / 2} : (size > 0.41421357 ? ${Math.PI / 4} : 0);
      const z = t * t;
      const angle = base + (t + t * z * ((((-0.06447743 * z + 0.10742467) * z - 0.14263839) * z + 0.19999537) * z - 0.33333332));
      return x < 0 ? -angle : (x === 0 ? x : angle);`,
  },

  /** The angle of the smaller one to the larger one, and where that lies. */
  atan2Of: {
    parameters: ["y", "x", "large", "nan"],
    calls: ["atanOf"],
    body: `const a = Math.abs(y);
      const b = Math.abs(x);
      const ratio = a === b ? (a === 0 ? 0 : 1) : (a < b ? a / b : b / a);
      const angle = a > b ? ${Math.PI / 2} - atanOf(ratio) : atanOf(ratio);
      const isBehind = x < 0 || (x === 0 && 1 / x < 0) ? 1 : 0;
      const turned = isBehind > 0.5 ? ${Math.PI} - angle : angle;
      const isBelow = y < 0 || (y === 0 && 1 / y < 0) ? 1 : 0;
      const areKnown = ${known("x")} && ${known("y")} ? 1 : 0;
      return areKnown > 0.5 ? (isBelow > 0.5 ? -turned : turned) : nan;`,
  },

  asinOf: {
    parameters: ["x", "large", "nan"],
    calls: ["atan2Of"],
    body: `const rest = (1 - x) * (1 + x);
      return rest >= 0 ? atan2Of(x, Math.sqrt(rest), large, nan) : nan;`,
  },

  acosOf: {
    parameters: ["x", "large", "nan"],
    calls: ["atan2Of"],
    body: `const rest = (1 - x) * (1 + x);
      return rest >= 0 ? atan2Of(Math.sqrt(rest), x, large, nan) : nan;`,
  },

  /** Of float64 too, in which mode "cpu" computes. */
  boundedOf: { parameters: ["x", "inf"], body: "return x < inf && x > -inf ? 1 : 0;" },

  /** leftOf and rightOf for devices without bits: of 0 too, of which those would make a choice of 0 and 0. */
  opaqueOf: { parameters: ["x", "large"], body: "return large > 1 ? x : large;" },
  otherOf: { parameters: ["x", "inf"], body: "return inf > 1 ? x : inf;" },

  /** Drivers take the square of a root for its argument, or the magnitude of that. */
  rootOf: {
    parameters: ["x", "nan"],
    body: "return x < 0 ? nan : Math.sqrt(x);",
    wgsl: `return select(sqrt(user_x), user_nan, bitcast<u32>(user_x) > 0x80000000u);`,
  },

  /** JavaScript knows nothing of 1 to a power that is not known, or of 1 and -1 to an infinite one. */
  powerOf: {
    parameters: ["x", "y", "inf", "nan", "large"],
    uses: ["powOf", "finiteOf"],
    body:
      `return Math.abs(x) === 1 && finiteOf(y, large) < 0.5 ? nan : powOf(x, y, inf, nan, large);`,
  },

  /** Exact for powers of two. */
  log2Of: {
    parameters: ["x", "inf", "nan", "large"],
    calls: ["wholeLogOf"],
    uses: ["logOf"],
    body: `return wholeLogOf(x, logOf(x, inf, nan, large) * ${Math.LOG2E});`,
  },

  wholeLogOf: {
    parameters: ["x", "y"],
    uses: ["powerOfTwo"],
    body: `const k = Math.floor(y + 0.5);
      return powerOfTwo(k > 126 ? 126 : (k < -126 ? -126 : k)) === x ? k : y;`,
    wgsl: `let bits = bitcast<u32>(user_x);
let isPower = ((bits & 0x7fffffu) == 0u) & (bits > 0u) & (bits < 0x7f800000u);
return select(user_y, f32(i32(bits >> 23u) - 127), isPower);`,
  },

  sinhOf: {
    parameters: ["x", "inf"],
    uses: ["expm1Of", "expOf"],
    body: `const size = Math.abs(x);
      const t = expm1Of(size, inf);
      const root = expOf(size * 0.5, inf);
      const value = size < 20 ? 0.5 * (t + t / (t + 1)) : 0.5 * root * root;
      return x < 0 ? -value : value;`,
  },

  coshOf: {
    parameters: ["x", "inf"],
    uses: ["expOf"],
    body: `const size = Math.abs(x);
      const root = expOf(size * 0.5, inf);
      const power = root * root;
      return size < 20 ? 0.5 * power + 0.5 / power : 0.5 * root * root;`,
  },

  /** From 1e9 on log(2 |x|), without squares that are too large. */
  asinhOf: {
    parameters: ["x", "inf", "nan", "large"],
    uses: ["log1pOf", "logOf"],
    body: `const size = Math.abs(x);
      const square = size < 1e9 ? size * size : 0;
      const near = log1pOf(size + square / (1 + Math.sqrt(square + 1)), inf, nan, large);
      const value = size < 1e9 ? near : logOf(size, inf, nan, large) + ${Math.LN2};
      return x < 0 ? -value : value;`,
  },

  acoshOf: {
    parameters: ["x", "inf", "nan", "large"],
    uses: ["log1pOf", "logOf"],
    body: `const rest = x >= 1 && x < 1e9 ? x - 1 : 0;
      const near = log1pOf(rest + Math.sqrt(rest * (rest + 2)), inf, nan, large);
      return x < 1e9 ? (x >= 1 ? near : nan) : logOf(x, inf, nan, large) + ${Math.LN2};`,
  },

  atanhOf: {
    parameters: ["x", "inf", "nan", "large"],
    uses: ["log1pOf"],
    body: `const size = Math.abs(x);
      const near = 0.5 * log1pOf(2 * size / (1 - size), inf, nan, large);
      const value = size < 1 ? near : (size === 1 ? inf : nan);
      return x < 0 ? -value : value;`,
  },

  /** 1 where it is an index. */
  insideOf: {
    parameters: ["i", "extent"],
    body: "return i >= 0 && i < extent && Math.floor(i) === i ? 1 : 0;",
  },

  /** The index, or another one that does no harm. */
  safeOf: {
    parameters: ["i", "extent"],
    calls: ["insideOf"],
    body: "return insideOf(i, extent) > 0.5 ? i : 0;",
  },

  /** The index as an integer, or -1 if it is none. */
  indexOf: {
    parameters: ["x"],
    gives: "Integer",
    body: "return x;",
    wgsl: `let index = i32(clamp(user_x, -1.0, 16777217.0));
return select(-1, index, ${isKnown("x")} & (f32(index) == user_x));`,
  },
};

/** Values that the functions take beside their operands, and that compilers are not to know. */
export const customValues: Readonly<Record<string, number>> = {
  large: 3.4028234663852886e38,
  inf: Infinity,
  nan: NaN,
};

/** Those that the function takes. */
export function customArguments(name: string): readonly string[] {
  return definitions[name]!.parameters.filter((each) => each in customValues);
}

/** Functions of functions.ts that the function calls, by way of others too. */
export function customUses(name: string): readonly string[] {
  return [...withCallees([name])].flatMap((each) => definitions[each]!.uses ?? []);
}

/** The named functions and what they call, callees first; for WGSL stubs of those that `withCustomWgsl` writes. */
export function customFunctions(names: Iterable<string>, isForWgsl: boolean): HelperFunction[] {
  return [...withCallees(names)].map((name) => {
    const { parameters, takes = "Number", gives = "Number", body, wgsl } = definitions[name]!;
    const text = isForWgsl && wgsl !== undefined ? `return ${parameters[0]};` : body;
    return {
      source: `function ${name}(${parameters.join(", ")}) {\n${text}\n}`,
      settings: {
        argumentTypes: Object.fromEntries(parameters.map((each) => [each, takes])),
        returnType: gives,
      },
    };
  });
}

function withCallees(names: Iterable<string>): Set<string> {
  const found = new Set<string>();
  for (const name of names) {
    for (const callee of withCallees(definitions[name]!.calls ?? [])) found.add(callee);
    found.add(name);
  }
  return found;
}

/** What gpu.js translated, with functions of WGSL in place of stubs. */
export function withCustomWgsl(code: string, names: Iterable<string>): string {
  let text = code;
  for (const name of withCallees(names)) {
    const { wgsl } = definitions[name]!;
    if (wgsl === undefined) continue;
    const stub = new RegExp(`(fn fn_${name}\\([^)]*\\) -> \\w+ \\{\n)return [^\n]*;\n\\}`);
    if (!stub.test(text)) throw unexpectedTranslation(`no ${name}`);
    text = text.replace(stub, (_, head: string) => `${head}${wgsl}\n}`);
  }
  return text;
}

/** What gpu.js translated, with NaN for what lies outside of these arrays. */
export function withChecks(
  code: string,
  arrays: readonly { readonly name: string; readonly size: readonly number[] }[],
): string {
  let text = code;
  for (const { name, size } of arrays) {
    const accessor = new RegExp(`(fn get_user_${name}\\([^)]*\\) -> f32 \\{\\s*)(return )`);
    if (!accessor.test(text)) throw unexpectedTranslation(`no get_user_${name}`);
    const isOutside = ["x", "y", "z"].map((axis, i) => `(u32(${axis}) >= ${size[i] ?? 1}u)`);
    // In a form that is no constant, which would be refused.
    const nan = "bitcast<f32>(0x7fc00000u | (u32(x) & 1u))";
    const check = `if (${isOutside.join(" | ")}) { return ${nan}; }\n`;
    text = text.replace(accessor, (_, head: string, rest: string) => head + check + rest);
  }
  return text;
}
