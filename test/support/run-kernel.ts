import assert from "node:assert/strict";
import {
  allocate,
  bytesPerElement,
  type DType,
  fromBFloat16Bits,
  toBFloat16Bits,
  type TypedArray,
} from "../../src/core/dtype.ts";
import { type Shape, sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import type { Backend } from "../../src/backend/backend.ts";
import type { BufferPlan, Kernel, KernelOperand, Program } from "../../src/backend/program.ts";
import type { PrimitiveName, PrimitiveParams } from "../../src/graph/instruction-set.ts";

/** Elements in row-major order, as numbers (bfloat16 as the number that it stands for, bool as 0 or 1). */
export interface Elements {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: readonly number[];
}

/** Elements of a shape. */
export function elements(dtype: DType, shape: Shape, values: readonly number[]): Elements {
  return { shape, dtype, values };
}

/** The array that a backend takes. */
export function toArray({ dtype, values }: Elements): TypedArray {
  const array = allocate(dtype, values.length);
  values.forEach((value, i) => array[i] = dtype === "bfloat16" ? toBFloat16Bits(value) : value);
  return array;
}

/** The numbers in an array that a backend gave. */
export function fromArray(dtype: DType, array: TypedArray): number[] {
  return Array.from(array, (value) => dtype === "bfloat16" ? fromBFloat16Bits(value) : value);
}

function byteLengthOf({ shape, dtype }: TensorSpec): number {
  return sizeOf(shape) * bytesPerElement(dtype);
}

/** A program of one kernel; its result lies in a fresh buffer, or in that of operand `inPlace`. */
export function oneKernelProgram<Name extends PrimitiveName>(
  op: Name,
  params: PrimitiveParams[Name],
  operands: readonly (Elements | number)[],
  output: TensorSpec,
  inPlace?: number,
): Program {
  const buffers: BufferPlan[] = [];
  const inputs: TensorSpec[] = [];
  const kernelOperands = operands.map((operand): KernelOperand => {
    if (typeof operand === "number") {
      return { literal: operand, spec: { shape: [], dtype: output.dtype } };
    }
    const { shape, dtype } = operand;
    const spec = { shape, dtype };
    buffers.push({ kind: "input", input: inputs.length, byteLength: byteLengthOf(spec) });
    return { buffer: inputs.push(spec) - 1, spec };
  });
  const fresh = buffers.push({ kind: "fresh", byteLength: byteLengthOf(output) }) - 1;
  const target = { buffer: inPlace ?? fresh, spec: output };
  const kernel = { op, params, operands: kernelOperands, output: target } as Kernel;
  return { buffers, kernels: [kernel], inputs, outputs: [target], arenaBytes: 0 };
}

/**
 * Runs one primitive and gives the elements of its result: in the buffer of operand `inPlace`, or else in
 * one that is full of other bits before, as the arena is. Sees that no other operand changes.
 */
export function runKernel<Name extends PrimitiveName>(
  backend: Backend,
  op: Name,
  params: PrimitiveParams[Name],
  operands: readonly (Elements | number)[],
  output: TensorSpec,
  inPlace?: number,
): number[] {
  const program = oneKernelProgram(op, params, operands, output, inPlace);
  const inputs = operands.filter((operand) => typeof operand !== "number").map(toArray);
  const dirty = toArray({ ...output, values: new Array(sizeOf(output.shape)).fill(0) });
  new Uint8Array(dirty.buffer).fill(0xff);
  const buffers = program.buffers.map((plan): BufferPlan =>
    plan.kind === "fresh" ? { ...plan, kind: "input", input: inputs.length } : plan
  );
  const executable = backend.compile({ ...program, buffers, inputs: [...program.inputs, output] });
  const uploaded = inputs.map((array) => backend.upload(array));
  const [result] = executable.run([...uploaded, backend.upload(dirty)]);
  program.inputs.forEach(({ dtype }, i) => {
    if (i === inPlace) return;
    assert.deepEqual(backend.downloadSync!(uploaded[i]!, dtype), inputs[i], "an input changed");
  });
  return fromArray(output.dtype, backend.downloadSync!(result!, output.dtype));
}
