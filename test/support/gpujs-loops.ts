import type { GpujsMode } from "../../backends/gpujs/mod.ts";
import type { Loop, Statement } from "../../src/backend/loop.ts";
import { runProgramsOn } from "./gpujs.ts";
import { freshLoopProgram } from "./loop-program.ts";
import { load } from "./loop-statements.ts";
import type { Elements } from "./run-kernel.ts";
import { access } from "./run-loop.ts";

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
  const [result] = await runProgramsOn(mode, [freshLoopProgram(loop, inputs, [{ dtype, size }])]);
  return { values: result!.values[0]!, way: result!.ways[0]! };
}
