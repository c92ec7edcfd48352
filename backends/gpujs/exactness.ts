/**
 * gpu.js computes with float32 alone. Which statements on whole numbers are right all the same is worked out here, from
 * the ranges of their values; everything else has to run elsewhere.
 */
import type { Loop, Statement } from "../../src/backend/loop.ts";
import { type DType, isInteger } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";

/** What is known of a value. */
export type Knowledge =
  /** float32, bfloat16 or bool: as good as on any device. */
  | "plain"
  | Range
  /** Any int32 or uint32, rounded to float32: the order to small numbers and the cast to float32 are right. */
  | "rounded"
  /** A whole number that float32 does not hold, but that is known. */
  | { readonly constant: number }
  | Bits;

/** A whole number that is held exactly, since it cannot leave this range. */
interface Range {
  readonly least: number;
  readonly largest: number;
}

/** The bits of a float32, held as that float32. What bits NaN has is left to devices. */
interface Bits {
  /** Of any number; of one from 2^-126 on; of one from 2^-126 to 2^127; of a power of two among these. */
  readonly bits: "any" | "bounded" | "normal" | "power";
}

function isRange(knowledge: Knowledge | undefined): knowledge is Range {
  return typeof knowledge === "object" && "least" in knowledge;
}

/** Whether it can be stored, to be read as what it is. */
export function isStorable(knowledge: Knowledge | undefined): boolean {
  return knowledge === "plain" || isRange(knowledge);
}

/** The bits of float32's exponent, and of 2^127. */
const exponentBits = 0x7f800000;
const inverseBits = 0x7f000000;
const leastNormalBits = 0x00800000;

/** float32 holds whole numbers up to here. */
export const exactBound: number = 2 ** 24;

/**
 * The operations that apply.ts writes for every device. Of sin, cos and rem neither gpu.js nor anything made of float32
 * alone is right for large numbers.
 */
const operations: ReadonlySet<ElementwiseName> = new Set<ElementwiseName>([
  ...["neg", "abs", "sign", "floor", "ceil", "round", "sqrt", "cbrt", "rcbrt", "exp"] as const,
  ...["expm1", "log", "log1p", "tanh", "logistic", "erf", "isFinite", "not", "cast"] as const,
  ...["bitcast", "stopGradient", "add", "sub", "mul", "div", "pow", "max", "min"] as const,
  ...["equal", "less", "lessEqual", "and", "or", "xor", "select"] as const,
]);

/** What more is right where functions are those of WGSL. */
const withWgsl: ReadonlySet<ElementwiseName> = new Set<ElementwiseName>(["sin", "cos"]);

/** What is known of each statement that is needed; undefined where gpu.js would get it wrong. */
export function knowledgeOf(
  { statements, extents, reduced }: Loop,
  needed: readonly number[],
  { wgslFunctions }: { readonly wgslFunctions: boolean },
): Map<number, Knowledge> | undefined {
  const known = new Map<number, Knowledge>();
  const points = sizeOf(extents.slice(extents.length - reduced));
  for (const index of needed) {
    const statement = statements[index]!;
    const args = statement.kind === "apply" ? statement.args : [];
    if (statement.kind === "apply" && !operations.has(statement.op)) {
      if (!wgslFunctions || !withWgsl.has(statement.op)) return undefined;
    }
    const knowledge = statement.kind === "reduce"
      ? ofReduce(statement.op, known.get(statement.arg)!, statement.dtype, points)
      : ofStatement(
        statement,
        args.map((arg) => known.get(arg)!),
        extents,
        args.map((arg) => statements[arg]!.dtype),
      );
    if (knowledge === undefined) return undefined;
    known.set(index, knowledge);
  }
  return known;
}

function ofStatement(
  statement: Exclude<Statement, { kind: "reduce" }>,
  args: readonly Knowledge[],
  extents: readonly number[],
  dtypes: readonly DType[],
): Knowledge | undefined {
  const { dtype } = statement;
  if (dtype === "float64") return undefined;
  switch (statement.kind) {
    case "load":
      return isInteger(dtype) ? "rounded" : "plain";
    case "literal":
      if (!isInteger(dtype)) return "plain";
      return range(dtype, statement.value, statement.value) ?? { constant: statement.value };
    case "index": {
      const last = statement.offset + statement.stride * (extents[statement.axis]! - 1);
      const [least, largest] = [Math.min(statement.offset, last), Math.max(statement.offset, last)];
      return isInteger(dtype) ? range(dtype, least, largest) : "plain";
    }
    case "apply":
      return ofApply(statement, args, dtypes);
  }
}

function range(dtype: DType, least: number, largest: number): Knowledge | undefined {
  // -0 would be told from 0 once it is cast.
  const isHeld = least >= -exactBound && largest <= exactBound &&
    (dtype !== "uint32" || least >= 0);
  return isHeld ? { least, largest } : undefined;
}

function ofApply(
  { op, params, dtype }: Extract<Statement, { kind: "apply" }>,
  args: readonly Knowledge[],
  dtypes: readonly DType[],
): Knowledge | undefined {
  const [a, b] = args;
  const computed = dtypes[op === "select" ? 1 : 0]!;
  const bits = ofBits(op, dtypes[0]!, dtype, args);
  if (bits !== undefined) return bits;
  if (args.some((each) => typeof each === "object" && !isRange(each))) return undefined;
  if (op === "bitcast") return dtypes[0] === dtype ? a : undefined;
  if (op === "cast") return ofCast(a!, dtypes[0]!, (params as { dtype: DType }).dtype);
  if (op === "stopGradient") return a;
  if (!isInteger(computed)) return "plain";

  if (op === "equal" || op === "less" || op === "lessEqual") {
    return isComparable(a!, b!) ? "plain" : undefined;
  }
  if (op === "select") return union(dtype, args[1]!, args[2]!);
  if (op === "sign") return { least: -1, largest: 1 };
  if (op === "max" || op === "min") {
    if (!isRange(a) || !isRange(b)) return "rounded";
    const pick = op === "max" ? Math.max : Math.min;
    return { least: pick(a.least, b.least), largest: pick(a.largest, b.largest) };
  }
  if (!isRange(a)) return undefined;
  if (op === "neg") return range(dtype, -a.largest, -a.least);
  if (op === "abs") {
    const sizes = [Math.abs(a.least), Math.abs(a.largest)];
    return range(dtype, 0, Math.max(...sizes));
  }
  if (!isRange(b)) return undefined;
  switch (op) {
    case "add":
      return range(dtype, a.least + b.least, a.largest + b.largest);
    case "sub":
      return range(dtype, a.least - b.largest, a.largest - b.least);
    case "mul": {
      const corners = [a.least, a.largest].flatMap((x) => [x * b.least, x * b.largest]);
      return range(dtype, Math.min(...corners), Math.max(...corners));
    }
    default:
      return undefined;
  }
}

/**
 * What S3 does with the bits of a float32 to get a power of two near it: bounds, the exponent alone, its negative. The
 * order of positive floats is that of their bits.
 */
function ofBits(
  op: string,
  from: DType,
  to: DType,
  [a, b]: readonly Knowledge[],
): Knowledge | undefined {
  if (op === "bitcast") {
    if (from === "float32" && to === "int32") return { bits: "any" };
    return isBits(a) && to === "float32" ? "plain" : undefined;
  }
  const [x, constant] = isBits(a) ? [a, constantOf(b)] : [b, constantOf(a)];
  if (!isBits(x) || constant === undefined) return undefined;
  const isNormal = constant >= leastNormalBits && constant < inverseBits;
  switch (op) {
    case "max":
      return isNormal && x.bits === "any" ? { bits: "bounded" } : undefined;
    case "min":
      return isNormal && x.bits === "bounded" ? { bits: "normal" } : undefined;
    case "and":
      return x.bits === "normal" && constant === exponentBits ? { bits: "power" } : undefined;
    case "sub":
      return x === b && x.bits === "power" && constant === inverseBits ? x : undefined;
    default:
      return undefined;
  }
}

/** Whether it is the bits of a float32. */
export function isBits(knowledge: Knowledge | undefined): knowledge is Bits {
  return typeof knowledge === "object" && "bits" in knowledge;
}

/** The number that it is for certain. */
export function constantOf(knowledge: Knowledge | undefined): number | undefined {
  if (isRange(knowledge)) {
    return knowledge.least === knowledge.largest ? knowledge.least : undefined;
  }
  return typeof knowledge === "object" && "constant" in knowledge ? knowledge.constant : undefined;
}

function ofCast(a: Knowledge, from: DType, to: DType): Knowledge | undefined {
  // Rounding to float32 first would be one rounding too many.
  if (to === "bfloat16" && isInteger(from)) return isRange(a) ? "plain" : undefined;
  if (!isInteger(to)) return "plain";
  if (from === to) return a;
  if (from === "bool") return { least: 0, largest: 1 };
  // What a float truncates to is a float again, but for the largest integers.
  if (!isInteger(from)) return "rounded";
  return isRange(a) ? range(to, a.least, a.largest) : undefined;
}

/** Rounding keeps the order to whatever float32 holds with both its neighbours. */
function isComparable(a: Knowledge, b: Knowledge): boolean {
  const isSmall = (each: Knowledge): boolean =>
    isRange(each) && each.least > -exactBound && each.largest < exactBound;
  return (isRange(a) && isRange(b)) || isSmall(a) || isSmall(b);
}

function union(dtype: DType, a: Knowledge, b: Knowledge): Knowledge | undefined {
  if (!isRange(a) || !isRange(b)) return "rounded";
  return range(dtype, Math.min(a.least, b.least), Math.max(a.largest, b.largest));
}

function ofReduce(
  op: "sum" | "max" | "min",
  arg: Knowledge,
  dtype: DType,
  points: number,
): Knowledge | undefined {
  if (!isInteger(dtype)) return dtype === "bool" && op === "sum" ? undefined : "plain";
  // Over nothing the result is the smallest or largest integer.
  if (points === 0) return op === "sum" ? { least: 0, largest: 0 } : undefined;
  if (op !== "sum") return arg;
  if (!isRange(arg)) return undefined;
  return range(
    dtype,
    Math.min(0, arg.least * points),
    Math.max(0, arg.largest * points),
  );
}
