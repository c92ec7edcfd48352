import type { DType } from "../../src/core/dtype.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import type { Width } from "./function-text.ts";
import { type Scalar, valueType } from "./shader.ts";

/** A value as an expression. */
export interface Argument {
  readonly text: string;
  readonly dtype: DType;
  /** The number, where it is known. */
  readonly literal?: number | undefined;
  /** What computes it; undefined for what comes from memory and for numbers. */
  readonly from?: ElementwiseName | undefined;
  /** The least that it can be, where it has no sign, unless it is NaN. */
  readonly least?: number | undefined;
  /** What all elements of a vector are, where they are alike. */
  readonly scalar?: string | undefined;
  /** How many products lie within each other, of which it is one. */
  readonly depth?: number;
}

/** The type of so many values. */
export function typeOf(dtype: DType, width: Width): string {
  return widen(valueType(dtype), width);
}

/** The type of a scalar, or of a vector of four. */
export function widen(scalar: Scalar, width: Width): string {
  return width === 1 ? scalar : `vec4<${scalar}>`;
}
