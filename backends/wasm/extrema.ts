/**
 * max and min of floats. The instructions of that name take five to eight machine instructions on x86, because of NaN
 * and the signs of zeros; where more is known of an operand, fewer do the same.
 */
import type { Statement } from "../../src/backend/loop.ts";
import type { DType } from "../../src/core/dtype.ts";
import { constantOf, type Emitter, type Vector, type VectorLocal } from "./emitter.ts";
import { f32x4, f64x2, v128 } from "./opcodes.ts";

/** An operand, with what is known of it. */
export interface Known {
  readonly x: VectorLocal;
  readonly literal: number | undefined;
  /** Its sign bit is not set, unless it is NaN. */
  readonly nonNegative: boolean;
}

/** Whether the sign bit of a statement's value is never set, unless it is NaN, given that of what it reads. */
export function isNonNegative(
  statement: Statement,
  known: (index: number) => boolean,
): boolean {
  if (statement.kind === "literal") return statement.value > 0 || Object.is(statement.value, 0);
  if (statement.kind !== "apply") return false;
  const { op, args } = statement;
  switch (op) {
    case "abs":
    case "exp":
    case "logistic":
      return true;
    case "mul":
      return args[0] === args[1] || args.every(known);
    case "add":
    case "div":
    case "min":
    case "sqrt":
    case "cbrt":
    case "rcbrt":
      return args.every(known);
    case "max":
      return args.some(known);
    case "select":
      return args.slice(1).every(known);
    default:
      return false;
  }
}

/** The larger or the smaller of each pair: NaN where either is, and -0 below 0. */
export function extremum(
  e: Emitter,
  op: "max" | "min",
  dtype: DType,
  left: Known,
  right: Known,
): Vector {
  // The operand of which more is known second.
  const isKnown = (
    { literal, nonNegative }: Known,
  ) => (literal !== undefined ? 2 : Number(nonNegative));
  const [a, b] = isKnown(left) > isKnown(right) ? [right, left] : [left, right];
  const F = dtype === "float64" ? f64x2 : f32x4;
  const { literal } = b;
  // pmax(a, b) is a < b ? b : a, and pmin(a, b) is b < a ? b : a: if either is NaN, a.
  if (literal !== undefined && literal === literal) {
    if (op === "max") {
      const larger = F.pmax(a.x, b.x);
      // -0 and 0 are neither less than the other: the sum makes 0 of both.
      return Object.is(literal, 0) ? F.add(larger, e.constant(constantOf(dtype, 0))) : larger;
    }
    if (!Object.is(literal, -0)) return F.pmin(a.x, b.x);
  }
  if (b.nonNegative) {
    // Of two zeros the larger is b, the smaller a. Where the other is NaN, all bits are set: NaN too.
    return op === "max"
      ? v128.or(F.pmax(b.x, a.x), F.ne(a.x, a.x))
      : v128.or(F.pmin(a.x, b.x), F.ne(b.x, b.x));
  }
  return op === "max" ? F.max(a.x, b.x) : F.min(a.x, b.x);
}
