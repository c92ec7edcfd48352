import type { TypedArray } from "../../src/core/dtype.ts";
import { erf } from "./erf.ts";
import type { Run } from "./run.ts";

/** `o[i] = f(a[i])` for all i. Each is a loop of its own, so that engines make one piece of fast code of it. */
type Loop = (o: TypedArray, a: TypedArray) => void;

/** The element-wise primitives of one operand that compute. */
export type UnaryName =
  | "neg"
  | "abs"
  | "sign"
  | "floor"
  | "ceil"
  | "round"
  | "sqrt"
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
  | "isFinite";

// Storing rounds to the dtype of `o`, and wraps for integers.
// deno-fmt-ignore
const loops: Readonly<Record<UnaryName, Loop>> = {
  neg: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = -a[i]!; },
  abs: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.abs(a[i]!); },
  sign: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.sign(a[i]!); },
  floor: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.floor(a[i]!); },
  ceil: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.ceil(a[i]!); },
  round: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = roundHalfToEven(a[i]!); },
  sqrt: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.sqrt(a[i]!); },
  cbrt: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.cbrt(a[i]!); },
  rcbrt: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = 1 / Math.cbrt(a[i]!); },
  exp: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.exp(a[i]!); },
  expm1: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.expm1(a[i]!); },
  log: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.log(a[i]!); },
  log1p: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.log1p(a[i]!); },
  sin: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.sin(a[i]!); },
  cos: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.cos(a[i]!); },
  tanh: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = Math.tanh(a[i]!); },
  logistic: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = logistic(a[i]!); },
  erf: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = erf(a[i]!); },
  isFinite: (o, a) => { for (let i = 0; i < o.length; i++) o[i] = a[i]! - a[i]! === 0 ? 1 : 0; },
};

/** 1 / (1 + e^-x) without overflow. */
function logistic(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/** Makes a kernel of one operand ready. */
export function prepareUnary(name: UnaryName): Run {
  const loop = loops[name];
  return (out, operands) => loop(out, operands[0]!);
}

/** `not`: the other truth value, or all bits flipped. */
export function prepareNot(dtype: string): Run {
  const mask = dtype === "bool" ? 1 : -1;
  return (out, operands) => {
    const a = operands[0]!;
    for (let i = 0; i < out.length; i++) out[i] = a[i]! ^ mask;
  };
}

function roundHalfToEven(x: number): number {
  if (x < 0) return -roundHalfToEven(-x);
  const floor = Math.floor(x);
  const fraction = x - floor;
  if (fraction < 0.5) return floor;
  if (fraction > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
