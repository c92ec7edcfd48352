/** Statements of loops, written briefly. */
import type { Statement } from "../../src/backend/loop.ts";
import type { DType } from "../../src/core/dtype.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import { access } from "./run-loop.ts";

export const load = (
  buffer: number,
  strides: readonly number[] = [1],
  offset = 0,
  dtype: DType = "float32",
): Statement => ({ kind: "load", access: access(buffer, strides, offset, dtype), dtype });

export const literal = (value: number, dtype: DType = "float32"): Statement => ({
  kind: "literal",
  value,
  dtype,
});

export const apply = (
  op: ElementwiseName,
  args: readonly number[],
  dtype: DType = "float32",
): Statement => ({
  kind: "apply",
  op,
  params: op === "cast" || op === "bitcast" ? { dtype } : {},
  args,
  dtype,
});

/** Statements 1 to 7: the bits of a power of two, of the exponent of statement 0 within bounds. */
export const exponentBits: readonly Statement[] = [
  apply("bitcast", [0], "int32"),
  literal(0x00800000, "int32"),
  apply("max", [1, 2], "int32"),
  literal(0x7effffff, "int32"),
  apply("min", [3, 4], "int32"),
  literal(0x7f800000, "int32"),
  apply("and", [5, 6], "int32"),
];
