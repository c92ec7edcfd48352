/** Functions that generated kernels call, in gpu.js's dialect. */
import { erfSeries, scaledErfc } from "../../src/core/error-function.ts";
import type { HelperFunction } from "./gpu.ts";

/*
 * What is avoided here, and why. Drivers may take NaN and infinities for impossible and may rewrite sums: x - x became 0
 * and (x + 8388608) - 8388608 became x on lavapipe, x * 0 became 0, x !== x never holds. So no sum cancels another, and
 * what decides about NaN compares with `large`, the largest float32, which arrives as an argument: compilers know
 * nothing of its value. Mode "cpu" computes in float64, so nothing relies on rounding either.
 */

type Kind = "Number" | "Integer";

interface Definition {
  readonly parameters: readonly string[];
  readonly body: string;
  readonly calls?: readonly string[];
  readonly kind?: Kind;
}

const ln2High = 0.693145751953125; // 15 bits, so that its products with exponents are exact
const ln2Low = 1.42860682030941723212e-6;

/** Horner's rule, lowest power first. */
function polynomial(x: string, coefficients: readonly number[]): string {
  return coefficients.reduceRight(
    (sum, each) => sum === "" ? number(each) : `(${sum} * ${x} + ${number(each)})`,
    "",
  );
}

function number(value: number): string {
  return value < 0 ? `(-${-value})` : String(value);
}

const bounded = (name: string): Definition => ({
  parameters: ["a", "b"],
  calls: [name],
  body: `return ${name}(a, b);`,
});

/** 0 where one is NaN: drivers make a minimum of a < b ? a : b, and a >= b of the opposite of a < b. */
const comparison = (sign: string): Definition => ({
  parameters: ["a", "b", "large"],
  calls: ["numberOf"],
  body: `return a ${sign} b && numberOf(a, large) * numberOf(b, large) > 0.5 ? 1 : 0;`,
});

const definitions: Readonly<Record<string, Definition>> = {
  /** A whole number as gpu.js's integer, in which indices are exact. */
  wholeOf: { parameters: ["i"], body: "return i;", kind: "Integer" },

  /** Any number as gpu.js's float. */
  floatOf: { parameters: ["x"], body: "return x;" },

  /** floor(i / divisor) mod extent, for i below 2^20: the half keeps quotients away from whole numbers. */
  partOf: {
    parameters: ["i", "divisor", "extent"],
    body: `const q = Math.floor((i + 0.5) / divisor);
      return q - extent * Math.floor((q + 0.5) / extent);`,
  },

  /** x, but compilers cannot know that; and in another way. */
  leftOf: { parameters: ["x", "large"], body: "return large > 1 ? x : 0;" },
  rightOf: { parameters: ["x", "inf"], body: "return inf > 1 ? x : 0;" },

  /** 1 where x is no NaN. */
  numberOf: {
    parameters: ["x", "large"],
    body: "return x <= large || x >= -large ? 1 : 0;",
  },

  finiteOf: {
    parameters: ["x", "large"],
    body: "return x <= large && x >= -large ? 1 : 0;",
  },

  /** The larger one; a sum that is NaN where one of them is; 0 of 0 and -0. */
  largerOf: {
    parameters: ["a", "b"],
    body: "return a > b ? a : (a < b ? b : (a === b && a !== 0 ? a : a + b));",
  },

  smallerOf: {
    parameters: ["a", "b"],
    body: "return a < b ? a : (a > b ? b : (a === b && a !== 0 ? a : -(-a + -b)));",
  },

  /** The same where b is a number, but not -0: at least 0, or below. */
  boundedBelow: bounded("largerOf"),
  boundedBelowByNegative: bounded("largerOf"),
  boundedAbove: bounded("smallerOf"),
  boundedAboveByNegative: bounded("smallerOf"),

  isLess: comparison("<"),
  isAtMost: comparison("<="),
  isEqual: comparison("==="),

  /** Where comparisons take a subnormal x for 0, the product is 0; it keeps NaN and -0. */
  signOf: { parameters: ["x"], body: `return x > 0 ? 1 : (x < 0 ? -1 : x * ${2 ** -126});` },

  /** Halves to even; of negative numbers as of their opposites. */
  roundOf: {
    parameters: ["x"],
    body: `const size = Math.abs(x);
      const low = Math.floor(size);
      const rest = size - low;
      const even = low - 2 * Math.floor(low * 0.5) > 0.5 ? low + 1 : low;
      const whole = rest > 0.5 ? low + 1 : (rest === 0.5 ? even : low);
      return x < 0 ? -whole : (x === 0 ? x * ${2 ** -126} : whole);`,
  },

  /** Towards zero, and within bounds; 0 for NaN. */
  truncatedOf: {
    parameters: ["x", "least", "largest", "large"],
    calls: ["numberOf"],
    body: `const size = Math.floor(Math.abs(x));
      const whole = x < 0 && size > 0.5 ? -size : size;
      const bounded = whole > largest ? largest : (whole < least ? least : whole);
      return numberOf(x, large) > 0.5 ? bounded : 0;`,
  },

  /**
   * 2^k for whole k in [-126, 127], exactly: a factor for every binary digit of k. No choice depends on another: software
   * for WebGL takes twice as long to compile a loop for each that does.
   */
  powerOfTwo: {
    parameters: ["k"],
    body: `const b0 = k < 0 ? 0.5 : 2;
      const b1 = b0 * b0;
      const b2 = b1 * b1;
      const b3 = b2 * b2;
      const b4 = b3 * b3;
      const b5 = b4 * b4;
      const b6 = b5 * b5;
      const k6 = Math.abs(k);
      ${
      [6, 5, 4, 3, 2, 1].map((i) =>
        `const d${i} = Math.floor(k${i} * ${2 ** -i});
        const k${i - 1} = k${i} - d${i} * ${2 ** i};`
      ).join("\n")
    }
      return ${
      [6, 5, 4, 3, 2, 1].map((i) => `(d${i} > 0.5 ? b${i} : 1)`).join(" * ")
    } * (k0 > 0.5 ? b0 : 1);`,
  },

  /** x 2^k, for any x and whole k in [-252, 254]. */
  scaledOf: {
    parameters: ["x", "k"],
    calls: ["powerOfTwo"],
    // Towards zero, so that nothing overflows or gets lost on the way.
    body: `const halfSize = Math.floor(Math.abs(k) * 0.5);
      const half = k < 0 ? -halfSize : halfSize;
      const rest = k - 2 * half;
      const factor = powerOfTwo(half);
      return x * factor * factor * (rest > 0.5 ? 2 : (rest < -0.5 ? 0.5 : 1));`,
  },

  expOf: {
    parameters: ["x", "inf"],
    calls: ["scaledOf"],
    body: `const k = Math.floor(x * 1.4426950408889634 + 0.5);
      const r = x - k * ${ln2High} - k * ${ln2Low};
      const power = ${polynomial("r", [1, 1, 0.5, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040])};
      return x < 89 ? (x > -104 ? scaledOf(power, k) : 0) : (x >= 89 ? inf : x);`,
  },

  /** A polynomial near 0, where e^x - 1 would cancel. */
  expm1Of: {
    parameters: ["x", "inf"],
    calls: ["expOf"],
    body: `const small = x + x * x * ${
      polynomial("x", [0.5, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320, 1 / 362880])
    };
      return Math.abs(x) < 0.35 ? small : expOf(x, inf) - 1;`,
  },

  /** The exponent e of a positive x with x = m 2^e and m about between sqrt(1/2) and sqrt(2). */
  exponentOf: {
    parameters: ["x"],
    // Math.log2 is off near 1, but never by one half; of subnormals it is not to be trusted.
    body: `const shift = x < 1.1754943508222875e-38 ? 24 : 0;
      const normal = shift > 0.5 ? x * 16777216 : x;
      const e = Math.floor(Math.log2(normal) + 0.5) - shift;
      return x > 0 ? (e > -150 ? (e < 129 ? e : 0) : -150) : 0;`,
  },

  /** log(1 + f) for f about between -0.3 and 0.5, without forming 1 + f. */
  logNearOne: {
    parameters: ["f"],
    body: `const s = f / (2 + f);
      const z = s * s;
      const series = z * ${polynomial("z", [2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11, 2 / 13, 2 / 15])};
      const halfSquare = 0.5 * f * f;
      return f - (halfSquare - s * (halfSquare + series));`,
  },

  logOf: {
    parameters: ["x", "inf", "nan", "large"],
    calls: ["exponentOf", "scaledOf", "logNearOne", "finiteOf"],
    body: `const k = exponentOf(x);
      const near = logNearOne(scaledOf(x, -k) - 1);
      const value = k * ${ln2High} + (near + k * ${ln2Low});
      const edge = x === 0 ? -inf : (x > 0 ? inf : nan);
      return x > 0 && finiteOf(x, large) > 0.5 ? value : edge;`,
  },

  log1pOf: {
    parameters: ["x", "inf", "nan", "large"],
    calls: ["logOf", "logNearOne"],
    body: `return x > -0.29 && x < 0.41 ? logNearOne(x) : logOf(1 + x, inf, nan, large);`,
  },

  /** The device's own, where nobody has a better one. */
  sinOf: { parameters: ["x"], body: "return Math.sin(x);" },

  cosOf: { parameters: ["x"], body: "return Math.cos(x);" },

  tanhOf: {
    parameters: ["x", "inf"],
    calls: ["expm1Of"],
    body: `const size = Math.abs(x);
      const t = expm1Of(2 * size, inf);
      const value = size < 10 ? t / (t + 2) : (size >= 10 ? 1 : x);
      return x < 0 ? -value : (x > 0 ? value : x);`,
  },

  /** x P(x^2) near 0, else 1 - e^(-x^2) Q. */
  erfOf: {
    parameters: ["x", "inf"],
    calls: ["expOf"],
    body: `const size = Math.abs(x);
      const z = x * x;
      const small = ${polynomial("z", erfSeries.slice(0, 9))};
      const u = 14.4 / (size + 3) - 2.6;
      const rest = expOf(-z, inf) * ${polynomial("u", scaledErfc.slice(0, 9))};
      const far = size < 6 ? 1 - rest : (size >= 6 ? 1 : x);
      return size < 1 ? x * small : (x < 0 ? -far : far);`,
  },

  /**
   * A guess by the device's own function, and one step of Halley's method, on numbers whose cubes neither overflow nor
   * are subnormal.
   */
  cbrtOf: {
    parameters: ["x", "large"],
    calls: ["finiteOf"],
    body: `const size = Math.abs(x);
      const before = size < 1e-20 ? ${2 ** 60} : (size > 1e20 ? ${2 ** -60} : 1);
      const after = size < 1e-20 ? ${2 ** -20} : (size > 1e20 ? ${2 ** 20} : 1);
      const m = size * before;
      const guess = Math.pow(m, 0.3333333333333333);
      const cube = guess * guess * guess;
      const root = guess - guess * (cube - m) / (2 * cube + m);
      const value = root * after;
      const end = x * ${2 ** -126};
      return x === 0 || finiteOf(x, large) < 0.5 ? end : (x < 0 ? -value : value);`,
  },

  /** The same for x^(-1/3), of which 1 / x gives the ends. */
  rcbrtOf: {
    parameters: ["x", "large"],
    calls: ["finiteOf"],
    body: `const size = Math.abs(x);
      const before = size < 1e-20 ? ${2 ** 60} : (size > 1e20 ? ${2 ** -60} : 1);
      const after = size < 1e-20 ? ${2 ** 20} : (size > 1e20 ? ${2 ** -20} : 1);
      const m = size * before;
      const guess = Math.pow(m, -0.3333333333333333);
      const rest = 1 - m * guess * guess * guess;
      const root = guess + guess * rest * (0.3333333333333333 + 0.2222222222222222 * rest);
      const value = root * after;
      return x === 0 || finiteOf(x, large) < 0.5 ? 1 / x : (x < 0 ? -value : value);`,
  },

  logisticOf: {
    parameters: ["x", "inf"],
    calls: ["expOf"],
    body: `const e = expOf(-Math.abs(x), inf);
      return (x < 0 ? e : 1) / (1 + e);`,
  },

  /** The largest power of two that is not above x, for normal x: Math.log2 may be off, but never by more than one. */
  powerBelow: {
    parameters: ["x"],
    calls: ["powerOfTwo"],
    body: `const e = Math.floor(Math.log2(x));
      const power = powerOfTwo(e > 126 ? 126 : (e < -126 ? -126 : e));
      const twice = 2 * power;
      return power > x ? 0.5 * power : (twice <= x ? twice : power);`,
  },

  /** 1 / x for powers of two from 2^-126 to 2^126: devices may divide with an error, which one step takes away. */
  inversePower: {
    parameters: ["x"],
    body: `const guess = 1 / x;
      return guess * (2 - x * guess);`,
  },

  /**
   * 2^(y e) 2^(y f) for x = 2^(e + f): y is cut so that its products with e are exact, and f is small. IEEE 754's
   * special cases; truth values are 0 and 1, because gpu.js takes some comparisons for numbers.
   */
  powOf: {
    parameters: ["x", "y", "inf", "nan", "large"],
    calls: ["exponentOf", "scaledOf", "logNearOne", "finiteOf", "numberOf"],
    body: `const size = Math.abs(x);
      const bounded = y > 1e10 ? 1e10 : (y < -1e10 ? -1e10 : y);
      const e = exponentOf(size);
      const f = logNearOne(scaledOf(size, -e) - 1) * 1.4426950408889634;
      const wholeY = Math.floor(bounded + 0.5);
      const partY = bounded - wholeY;
      const coarseY = Math.floor(partY * 4096) / 4096;
      const coarse = coarseY * e;
      const kCoarse = Math.floor(coarse + 0.5);
      const t = (coarse - kCoarse) + ((partY - coarseY) * e + bounded * f);
      const kFine = Math.floor(t + 0.5);
      const r = (t - kFine) * 0.6931471805599453;
      const k = wholeY * e + (kCoarse + kFine);
      const power = ${polynomial("r", [1, 1, 0.5, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040])};
      const usual = k > 130 ? inf : (k < -160 ? 0 : scaledOf(power, k));
      const grows = size > 1 ? (y > 0 ? 1 : 0) : (y > 0 ? 0 : 1);
      const extreme = grows > 0.5 ? inf : 0;
      const xIsEdge = size === 0 || finiteOf(size, large) < 0.5 ? 1 : 0;
      const atEdge = size === 1 ? 1 : extreme;
      const magnitude = xIsEdge > 0.5 || finiteOf(y, large) < 0.5 ? atEdge : usual;
      const sizeY = Math.abs(y);
      const isWhole = sizeY >= 8388608 || Math.floor(sizeY) === sizeY ? 1 : 0;
      const isOdd = isWhole > 0.5 && sizeY < 16777216 && sizeY - 2 * Math.floor(sizeY * 0.5) > 0.5 ? 1 : 0;
      const isNegative = x < 0 || (x === 0 && 1 / x < 0) ? 1 : 0;
      const signed = isNegative > 0.5 && isOdd > 0.5 ? -magnitude : magnitude;
      const real = x < 0 && isWhole < 0.5 && xIsEdge < 0.5 ? nan : signed;
      const isAnyNaN = numberOf(x, large) < 0.5 || numberOf(y, large) < 0.5 ? 1 : 0;
      return y === 0 || x === 1 ? 1 : (isAnyNaN > 0.5 ? nan : real);`,
  },

  /** The nearest bfloat16, ties to even: 8 of 24 bits are kept, by steps that are all exact. */
  bfloat16Of: {
    parameters: ["x", "large"],
    calls: ["powerBelow", "inversePower", "roundOf", "finiteOf"],
    body: `const size = Math.abs(x);
      const before = size < 1e-18 ? ${2 ** 64} : (size > 1e18 ? ${2 ** -64} : 1);
      const after = size < 1e-18 ? ${2 ** -64} : (size > 1e18 ? ${2 ** 64} : 1);
      const m = size * before;
      const power = powerBelow(m);
      const kept = roundOf(m * inversePower(power) * 128) * 0.0078125 * power * after;
      const end = x * ${2 ** -126};
      return x === 0 || finiteOf(x, large) < 0.5 ? end : (x < 0 ? -kept : kept);`,
  },
};

/** The named functions and all that they call, callees first. */
export function functionsNamed(names: Iterable<string>): HelperFunction[] {
  return withCallees(names, () => false).map((name) => helper(name, definitions[name]!.body));
}

/** The same as stubs where `isStub` says that somebody else writes them; these call nothing. */
export function functionsAndStubs(
  names: Iterable<string>,
  isStub: (name: string) => boolean,
): { readonly functions: readonly HelperFunction[]; readonly stubs: readonly string[] } {
  const all = withCallees(names, isStub);
  const functions = all.map((name) => {
    const { parameters, body } = definitions[name]!;
    return helper(name, isStub(name) ? `return ${parameters[0]};` : body);
  });
  return { functions, stubs: all.filter(isStub) };
}

function helper(name: string, body: string): HelperFunction {
  const { parameters, kind = "Number" } = definitions[name]!;
  return {
    source: `function ${name}(${parameters.join(", ")}) {\n${body}\n}`,
    settings: {
      argumentTypes: Object.fromEntries(parameters.map((each) => [each, kind])),
      returnType: kind,
    },
  };
}

function withCallees(names: Iterable<string>, isStub: (name: string) => boolean): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    if (!isStub(name)) definitions[name]!.calls?.forEach(add);
    found.add(name);
  };
  for (const name of names) add(name);
  return [...found];
}

/** Arguments that a function takes beside its operands. */
export function extraArguments(name: string): readonly string[] {
  return definitions[name]!.parameters.filter((each) => each in extraValues);
}

/** Values that compilers are not to know. */
export const extraValues: Readonly<Record<string, number>> = {
  large: 3.4028234663852886e38,
  inf: Infinity,
  nan: NaN,
};
