import type { KernelOperand, Program } from "../../src/backend/program.ts";
import { allocate, toBFloat16Bits, type TypedArray } from "../../src/core/dtype.ts";
import { isElementwise, type PrimitiveName } from "../../src/graph/instruction-set.ts";

/** A number as an array of one element. */
export function literalArray(
  { literal, spec: { dtype } }: Extract<KernelOperand, { literal: number }>,
): TypedArray {
  const bits = dtype === "bfloat16"
    ? toBFloat16Bits(literal)
    : dtype === "bool"
    ? Number(literal !== 0)
    : literal;
  return allocate(dtype, 1).fill(bits);
}

/**
 * A program of one element-wise kernel on nothing but numbers, which the compiler folds constants with, as one that
 * takes the numbers as inputs: then one module serves for all numbers.
 */
export function liftLiterals(
  program: Program,
): { program: Program; literals: TypedArray[] } | undefined {
  const [kernel] = program.kernels;
  if (program.kernels.length !== 1 || program.inputs.length > 0 || kernel!.op === "loop") {
    return undefined;
  }
  const { op, operands } = kernel!;
  if (operands.length === 0 || !isElementwise(op as PrimitiveName)) return undefined;
  const literals: TypedArray[] = [];
  const first = program.buffers.length;
  const buffers = [...program.buffers];
  const lifted = operands.map((operand) => {
    if (!("literal" in operand)) return operand;
    const array = literalArray(operand);
    buffers.push({ kind: "input", input: literals.length, byteLength: array.byteLength });
    return { buffer: first + literals.push(array) - 1, spec: operand.spec };
  });
  return {
    program: {
      ...program,
      buffers,
      kernels: [{ ...kernel!, operands: lifted }],
      inputs: operands.map(({ spec }) => spec),
    },
    literals,
  };
}
