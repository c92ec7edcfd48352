/**
 * Compilers for GPUs rearrange floats as if they were real numbers: x - x becomes 0 (which it is not for NaN and
 * infinities), (x + y) - x becomes y (rounding is lost), x + y < y becomes x < 0, 0 x becomes 0, and a b + a c becomes
 * a (b + c). Each such rule looks at several operands: one that could be anything ends them all.
 */
import type { Statement } from "../../src/backend/loop.ts";
import { type Argument, widen } from "./argument.ts";
import type { Width } from "./function-text.ts";
import type { Functions } from "./functions.ts";

export type Arithmetic = "add" | "sub" | "mul" | "div";
export const signs: Readonly<Record<Arithmetic, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
};

/** A sum, a difference, a product or a quotient. */
export function floatArithmetic(
  functions: Functions,
  width: Width,
  op: Arithmetic,
  a: Argument,
  b: Argument,
): string {
  const cover = (name: Cover, each: Argument) => covered(functions, width, name, each);
  const write = (left: string, right: string) => `${left} ${signs[op]} ${right}`;
  const hasLiteral = a.literal !== undefined || b.literal !== undefined;
  if (
    hasLiteral || (op === "mul" && ![a, b].some(({ from }) => from === "sqrt" || from === "div"))
  ) {
    // Literals would be brought together, so that a product overflows where it should not, and four factors multiplied
    // in pairs.
    const factor = (name: Cover, each: Argument) =>
      each.literal !== undefined || isLong(op, each) ? cover(name, each) : each.text;
    return write(factor("obscure", a), factor("opaque", b));
  }
  const areLeaves = a.from === undefined && b.from === undefined;
  if (areLeaves && a.text !== b.text) return write(a.text, b.text);
  // In x - y + y and x / y * y the two y must not look alike either.
  const right = cover(op === "add" || op === "div" ? "obscure" : "opaque", b);
  return write(isLong(op, a) ? cover("obscure", a) : a.text, right);
}

function isLong(op: Arithmetic, { depth = 0 }: Argument): boolean {
  return op === "mul" && depth > mostDepth;
}

/** Products within each other that a compiler may see. */
const mostDepth = 1;

/** How many products a compiler sees within each other at each statement of a loop. */
export function productDepths(statements: readonly Statement[]): readonly number[] {
  const depths: number[] = [];
  for (const each of statements) {
    if (each.kind !== "apply" || each.op !== "mul") depths.push(0);
    else {
      const seen = each.args.map((arg) => depths[arg]!).filter((depth) => depth <= mostDepth);
      depths.push(1 + Math.max(0, ...seen));
    }
  }
  return depths;
}

/** Whether a compiler knows arithmetic in it, which comparisons would be simplified around. */
export function isArithmetic({ from }: Argument): boolean {
  return from !== undefined && (from in signs || from === "neg");
}

/** The two differ, so that values that are covered in different ways are different ones to compilers. */
type Cover = "opaque" | "obscure";

/** The value itself, of which a compiler knows nothing; no two literals are alike. */
export function covered(
  functions: Functions,
  width: Width,
  name: Cover,
  { text, literal, scalar }: Argument,
): string {
  if (literal === undefined && scalar === undefined) {
    return `${functions.use(name, width)}(${text})`;
  }
  const one = literal === undefined
    ? `${functions.use(name, 1)}(${scalar})`
    : `bitcast<f32>(${bitsOf(literal)}u | (guardBits & ${functions.number()}u))`;
  return width === 1 ? one : `${widen("f32", width)}(${one})`;
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}
