import { type WebgpuBackend, webgpuBackend } from "../../backends/webgpu/mod.ts";
import type { BufferPlan, Program } from "../../src/backend/program.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../../src/graph/instruction-set.ts";
import { type Elements, elements, fromArray, oneKernelProgram, toArray } from "./run-kernel.ts";
import { gpu } from "./webgpu-kernel.ts";

let backend: Promise<WebgpuBackend> | undefined;

/** The WGSL backend of the tests. */
export function gpuBackend(): Promise<WebgpuBackend> {
  backend ??= gpu().then(webgpuBackend);
  return backend;
}

/** A program and what it is run with. */
export interface ProgramCase {
  readonly program: Program;
  readonly inputs: readonly Elements[];
}

/** A kernel and its operands; its result is written over operand `inPlace`, if that is given. */
export interface PrimitiveCase {
  readonly op: PrimitiveName;
  readonly params: object;
  readonly operands: readonly (Elements | number)[];
  readonly output: TensorSpec;
  readonly inPlace?: number;
}

/** A program of one kernel, with the byte lengths of a GPU; its result lies in dirty memory or over an operand. */
export function kernelProgram(
  { op, params, operands, output, inPlace }: PrimitiveCase,
): ProgramCase {
  const program = oneKernelProgram(
    op,
    params as PrimitiveParams[typeof op],
    operands,
    output,
    inPlace,
  );
  const specs = [...program.inputs, output];
  const inputs = operands.filter((operand) => typeof operand !== "number");
  const buffers = program.buffers.map((plan, i): BufferPlan => {
    const byteLength = 4 * sizeOf(specs[i]!.shape);
    return plan.kind === "fresh"
      ? { kind: "input", input: i, byteLength }
      : { ...plan, byteLength } as BufferPlan;
  });
  const dirty = elements(output.dtype, output.shape, new Array(sizeOf(output.shape)).fill(1));
  return { program: { ...program, buffers, inputs: specs }, inputs: [...inputs, dirty] };
}

/** Runs programs, and reads all their results with one round trip. */
export async function runOnBackend(cases: readonly ProgramCase[]): Promise<number[][][]> {
  const backend = await gpuBackend();
  const results = cases.map(({ program, inputs }) => {
    const uploaded = inputs.map((input) => backend.upload(toArray(input)));
    return backend.compile(program).run(uploaded);
  });
  const arrays: TypedArray[][] = await Promise.all(
    results.map((buffers, i) =>
      Promise.all(
        buffers.map((buffer, k) =>
          backend.download(buffer, cases[i]!.program.outputs[k]!.spec.dtype)
        ),
      )
    ),
  );
  return arrays.map((outputs, i) =>
    outputs.map((array, k) => fromArray(cases[i]!.program.outputs[k]!.spec.dtype, array))
  );
}
