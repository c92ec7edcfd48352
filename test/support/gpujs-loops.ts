import type { GpujsMode } from "../../backends/gpujs/mod.ts";
import type { Loop, Statement } from "../../src/backend/loop.ts";
import type { Program } from "../../src/backend/program.ts";
import type { DType } from "../../src/core/dtype.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import { runProgramsOn } from "./gpujs.ts";
import type { Elements } from "./run-kernel.ts";
import { access } from "./run-loop.ts";

/** A program of one loop: inputs first, then what is stored; donated inputs are those that are stored to. */
export function loopProgram(
  loop: Loop,
  inputs: readonly Elements[],
  stored: readonly { readonly dtype: DType; readonly size: number }[] = [],
): { program: Program; inputs: readonly Elements[] } {
  const buffers: Program["buffers"] = [
    ...inputs.map(({ values }, input) =>
      ({ kind: "input", input, byteLength: 4 * values.length }) as const
    ),
    ...stored.map(({ size }) => ({ kind: "fresh", byteLength: 4 * size }) as const),
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

/** Statements of loops. */
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

/**
 * What comes of the last statement, for each element of the inputs: the first statements, 0, 1, ..., are their loads, in
 * their order.
 */
export async function compute(
  mode: GpujsMode,
  inputs: readonly Elements[],
  statements: readonly Statement[],
): Promise<{ values: number[]; way: string }> {
  const size = inputs[0]!.values.length;
  const all = [...inputs.map(({ dtype }, i) => load(i, [1], 0, dtype)), ...statements];
  const { dtype } = all.at(-1)!;
  const loop: Loop = {
    extents: [size],
    reduced: 0,
    statements: all,
    stores: [{ statement: all.length - 1, access: access(inputs.length, [1], 0, dtype) }],
  };
  const [result] = await runProgramsOn(mode, [loopProgram(loop, inputs, [{ dtype, size }])]);
  return { values: result!.values[0]!, way: result!.ways[0]! };
}
