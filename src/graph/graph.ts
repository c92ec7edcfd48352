import type { TensorSpec } from "../core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "./instruction-set.ts";

/** A number written into the graph; its shape is `[]`. */
export interface Literal {
  /** The number, rounded to the dtype. */
  readonly literal: number;
  /** A scalar of some dtype. */
  readonly spec: TensorSpec;
}

/** A value of the graph: an input, a constant, or the result of an instruction. */
export interface Value {
  /** Unique in its graph. */
  readonly id: number;
  /** Shape and dtype. */
  readonly spec: TensorSpec;
}

/** What an instruction takes. */
export type Operand = Value | Literal;

/** One application of a primitive. */
export interface Instruction<Name extends PrimitiveName = PrimitiveName> {
  /** The name of the primitive. */
  readonly op: Name;
  /** Its static parameters. */
  readonly params: PrimitiveParams[Name];
  /** What it takes. */
  readonly operands: readonly Operand[];
  /** What it makes. */
  readonly output: Value;
}

/** A traced function as data: instructions in an order in which each one's operands come before it. */
export interface Graph {
  /** What the function takes. */
  readonly inputs: readonly Value[];
  /** Tensors that existed before the graph was traced; whoever runs it hands in their memory. */
  readonly constants: readonly Value[];
  /** In order: operands come before their use. */
  readonly instructions: readonly Instruction[];
  /** What the function gives. */
  readonly outputs: readonly Operand[];
  /** Readable text, one instruction a line. */
  toString(): string;
}

/** Whether an operand is a number written into the graph. */
export function isLiteral(operand: Operand): operand is Literal {
  return "literal" in operand;
}

/** Whether an operand is a number that equals `value` (and has its sign, for zero). */
export function isLiteralOf(operand: Operand, value: number): boolean {
  return isLiteral(operand) && Object.is(operand.literal, value);
}
