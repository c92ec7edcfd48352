import type { TypedArray } from "../../src/core/dtype.ts";
import type { Shape } from "../../src/core/shape.ts";
import type { Run } from "./run.ts";
import { bits } from "./run.ts";
import { broadcasted, contiguous, planWalk, walkRows } from "./walk.ts";

/**
 * One row of n elements: `o[oi + i] = f(a[ai + i * as], b[bi + i * bs])`, the steps `as` and `bs` being 0 or
 * 1. Each is a loop of its own, so that engines make one piece of fast code of it.
 */
// deno-fmt-ignore
export type RowLoop = (
  o: TypedArray, oi: number, a: TypedArray, ai: number, as: number, b: TypedArray, bi: number, bs: number, n: number,
) => void;

/** The element-wise primitives of two operands. */
export type BinaryName =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "pow"
  | "max"
  | "min"
  | "equal"
  | "less"
  | "lessEqual"
  | "and"
  | "or"
  | "xor"
  | "shiftLeft"
  | "shiftRight";

/** The loops of those primitives that a family of dtypes has. */
type Loops = Readonly<Partial<Record<BinaryName, RowLoop>>>;

// Storing rounds to the dtype of `o`. Floats and integers have loops apart: the fewer kinds of array a loop
// meets, the faster it is. The lines are alike but for the formula.
// deno-fmt-ignore
const floating: Loops = {
  add: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! + b[bi]!; },
  sub: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! - b[bi]!; },
  mul: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! * b[bi]!; },
  div: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! / b[bi]!; },
  rem: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! % b[bi]!; },
  pow: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = power(a[ai]!, b[bi]!); },
  max: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = Math.max(a[ai]!, b[bi]!); },
  min: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = Math.min(a[ai]!, b[bi]!); },
  equal: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! === b[bi]! ? 1 : 0; },
  less: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! < b[bi]! ? 1 : 0; },
  lessEqual: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! <= b[bi]! ? 1 : 0; },
};

// Storing wraps to the dtype of `o`, so a result may be the signed or the unsigned reading of its bits.
// deno-fmt-ignore
const integer: Loops = {
  add: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! + b[bi]!; },
  sub: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! - b[bi]!; },
  mul: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = Math.imul(a[ai]!, b[bi]!); },
  rem: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = b[bi]! === 0 ? a[ai]! : a[ai]! % b[bi]!; },
  max: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = Math.max(a[ai]!, b[bi]!); },
  min: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = Math.min(a[ai]!, b[bi]!); },
  equal: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! === b[bi]! ? 1 : 0; },
  less: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! < b[bi]! ? 1 : 0; },
  lessEqual: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! <= b[bi]! ? 1 : 0; },
  and: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! & b[bi]!; },
  or: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! | b[bi]!; },
  xor: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = a[ai]! ^ b[bi]!; },
  shiftLeft: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = b[bi]! >>> 0 < 32 ? a[ai]! << b[bi]! : 0; },
  shiftRight: (o, oi, a, ai, as, b, bi, bs, n) => { for (let i = 0; i < n; i++, ai += as, bi += bs) o[oi + i] = b[bi]! >>> 0 < 32 ? a[ai]! >>> b[bi]! : 0; },
};

/** The loop of a primitive for operands of a dtype; undefined where there is none. */
export function binaryLoop(name: BinaryName, dtype: string): RowLoop | undefined {
  if (dtype === "bfloat16") return undefined;
  return (dtype.startsWith("float") ? floating : integer)[name];
}

/** Makes a kernel of two operands that broadcast ready. */
export function prepareBinary(loop: RowLoop, shape: Shape, a: Shape, b: Shape): Run {
  const rank = shape.length;
  const walk = planWalk(shape, [contiguous(shape), broadcasted(a, rank), broadcasted(b, rank)]);
  const { length } = walk;
  const [, aStep, bStep] = walk.steps as [number, number, number];
  return (out, operands) => {
    const left = operands[0]!;
    const right = operands[1]!;
    walkRows(walk, (at) => loop(out, at[0]!, left, at[1]!, aStep, right, at[2]!, bStep, length));
  };
}

/** `select`: of three operands that broadcast, the second where the first is true, else the third. */
export function prepareSelect(shape: Shape, condition: Shape, a: Shape, b: Shape): Run {
  const views = [condition, a, b].map((each) => broadcasted(each, shape.length));
  const walk = planWalk(shape, [contiguous(shape), ...views]);
  const [, conditionStep, aStep, bStep] = walk.steps as [number, number, number, number];
  return (out, operands) => {
    const o = bits(out);
    const truth = operands[0]!;
    const yes = bits(operands[1]!);
    const no = bits(operands[2]!);
    walkRows(walk, (at) => {
      const oi = at[0]!;
      let ci = at[1]!, ai = at[2]!, bi = at[3]!;
      for (let i = 0; i < walk.length; i++, ci += conditionStep, ai += aStep, bi += bStep) {
        o[oi + i] = truth[ci]! !== 0 ? yes[ai]! : no[bi]!;
      }
    });
  };
}

/** IEEE 754's pow: unlike JavaScript's `**`, 1 to any power is 1, and so is -1 to an infinite one. */
function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
  return x ** y;
}
