import type { FunctionText } from "../function-text.ts";
import { constant, polynomial } from "./polynomial.ts";

/**
 * ((1 - h)^(-1/3) - 1) / h and ((1 - h)^(-2/3) - 1) / h for the h that the start leaves, -0.075 to 0.124; minimax over
 * all x, in units of the results' last places.
 */
const reciprocalSeries = [
  0.3333335535829919,
  0.22222224215449277,
  0.17269363669499654,
  0.14452300829522816,
  0.14467725060927542,
];
const rootSeries = [
  0.666667510745517,
  0.5555559533090173,
  0.49327794380707646,
  0.45435353525203603,
  0.49646486408847346,
];

/** z within 4 % of x^(-1/3): a third of the bits of x taken from a constant. */
const start = "U(0x54a00000u) - (bits >> U(16u)) * U(21845u)";

/**
 * For x > 0 of normal size, from its bits: with h = 1 - x z^3, which rounding hardly touches, the cube root is
 * y (1 - h)^(-2/3) for y = x z^2, whose square is exact if z is short.
 */
const cubeRoot = (size: string) => `
  let z = bitcast<F>((${start}) & U(0xfffff000u));
  let y = x * (z * z);
  let h = F(1.0) - ${size} * z;
  let root = y + (y * h) * ${polynomial("h", rootSeries)};`;

/** z (1 - h)^(-1/3), from x and its bits. */
const reciprocalCubeRoot = (size: string) => `
  let z = bitcast<F>(${start});
  let h = F(1.0) - (${size} * z) * (z * z);
  let root = z + (z * h) * ${polynomial("h", reciprocalSeries)};`;

/** Whether bits without a sign are those of a normal number. */
const isNormal = "(bits - U(0x800000u)) < U(0x7f000000u)";

/** What this makes of subnormal numbers is zero, whether a device flushes them or not. */
const flushed = (x: string) => `${x} * ${constant(2 ** -30)}`;

/** Infinity less the bits: infinity of 0, 0 of infinity, NaN of NaN. */
const reciprocalOfEnds = (size: string) => `U(0x7f800000u) - bitcast<U>(${flushed(size)})`;

/**
 * cbrt and rcbrt, without branches: devices that work on vectors take both sides. Further ones for numbers without
 * a sign (or NaN), and for those of them that are 2^-126 and more.
 */
export const cubeRootFunctions: Readonly<Record<string, FunctionText>> = {
  cbrt: {
    text: `
fn $cbrt(x: F) -> F {
  let bits = bitcast<U>(x) & U(0x7fffffffu);${cubeRoot("abs(y)")}
  // Zeros, infinities and NaN are their own roots.
  return select(${flushed("x")}, root, ${isNormal});
}
`,
  },
  positiveCbrt: {
    text: `
fn $positiveCbrt(x: F) -> F {
  let bits = bitcast<U>(x);${cubeRoot("y")}
  return select(${flushed("x")}, root, ${isNormal});
}
`,
  },
  normalCbrt: {
    text: `
fn $normalCbrt(x: F) -> F {
  let bits = bitcast<U>(x);${cubeRoot("y")}
  // The root of NaN is NaN.
  return select(x, root, bitcast<I>(x) < I(0x7f800000));
}
`,
  },
  rcbrt: {
    text: `
fn $rcbrt(x: F) -> F {
  let bits = bitcast<U>(x) & U(0x7fffffffu);
  let size = bitcast<F>(bits);${reciprocalCubeRoot("size")}
  let ends = ${reciprocalOfEnds("size")};
  let known = select(ends, bitcast<U>(root), ${isNormal});
  return bitcast<F>(known | (bitcast<U>(x) & U(0x80000000u)));
}
`,
  },
  positiveRcbrt: {
    text: `
fn $positiveRcbrt(x: F) -> F {
  let bits = bitcast<U>(x);${reciprocalCubeRoot("x")}
  let ends = ${reciprocalOfEnds("x")};
  return bitcast<F>(select(ends, bitcast<U>(root), ${isNormal}));
}
`,
  },
  normalRcbrt: {
    text: `
fn $normalRcbrt(x: F) -> F {
  let bits = bitcast<U>(x);${reciprocalCubeRoot("x")}
  // Infinity less its bits; the root of NaN is NaN.
  let ends = U(0x7f800000u) - bits;
  return bitcast<F>(select(ends, bitcast<U>(root), bitcast<I>(x) < I(0x7f800000)));
}
`,
  },
};
