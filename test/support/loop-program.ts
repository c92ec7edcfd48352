import { accessesOf, prepareLoop } from "../../backends/reference/loop.ts";
import type { Loop } from "../../src/backend/loop.ts";
import type { BufferPlan } from "../../src/backend/program.ts";
import type { DType } from "../../src/core/dtype.ts";
import type { LoopCase } from "./exact-loops.ts";
import type { ProgramCase } from "./gpu-backend.ts";
import { type Elements, fromArray, toArray } from "./run-kernel.ts";

/** The buffers that a loop writes, each once. */
function writtenBy({ loop }: LoopCase): number[] {
  return [...new Set(loop.stores.map(({ access }) => access.buffer))];
}

/** A loop over buffers of its own, as on a GPU; all that it writes is an output. */
export function loopProgram(each: LoopCase): ProgramCase {
  const { loop, buffers } = each;
  const inputs = buffers.map(({ shape, dtype }) => ({ shape, dtype }));
  const program: ProgramCase["program"] = {
    buffers: buffers.map(({ values }, input): BufferPlan => ({
      kind: "input",
      input,
      byteLength: 4 * values.length,
    })),
    kernels: [{ op: "loop", loop }],
    inputs,
    outputs: writtenBy(each).map((buffer) => ({ buffer, spec: inputs[buffer]! })),
    arenaBytes: 0,
  };
  return { program, inputs: buffers };
}

/** The same with new buffers for what follows the inputs; those of the inputs that are stored to are donated. */
export function freshLoopProgram(
  loop: Loop,
  inputs: readonly Elements[],
  fresh: readonly { readonly dtype: DType; readonly size: number }[] = [],
): ProgramCase {
  const buffers: ProgramCase["program"]["buffers"] = [
    ...inputs.map(({ values }, input) =>
      ({ kind: "input", input, byteLength: 4 * values.length }) as const
    ),
    ...fresh.map(({ size }) => ({ kind: "fresh", byteLength: 4 * size }) as const),
  ];
  const outputs = loop.stores.map(({ access: { buffer, dtype } }) => ({
    buffer,
    spec: { shape: [buffers[buffer]!.byteLength / 4], dtype },
  }));
  return {
    program: { buffers, kernels: [{ op: "loop", loop }], inputs, outputs, arenaBytes: 0 },
    inputs,
  };
}

/** What the reference's interpreter leaves in the buffers that are written. */
export function interpretLoop(each: LoopCase): number[][] {
  const { loop, buffers } = each;
  const arrays = buffers.map(toArray);
  prepareLoop(loop)(accessesOf(loop).map(({ buffer }) => arrays[buffer]!));
  return writtenBy(each).map((buffer) => fromArray(buffers[buffer]!.dtype, arrays[buffer]!));
}
