/** NaN, infinities, and what rounds away: not as compilers of drivers would have it. */
import { test } from "node:test";
import fc from "fast-check";
import type { GpujsMode } from "../backends/gpujs/mod.ts";
import { modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import {
  assertSpecial,
  choices,
  comparedSums,
  type Expression,
  regrouped,
  specialGraphs,
  specialProgram,
} from "./support/special-graphs.ts";

async function check(mode: GpujsMode, graphs: readonly Expression[]): Promise<void> {
  const results = await runProgramsOn(mode, graphs.map(specialProgram));
  graphs.forEach((graph, i) => assertSpecial(graph, results[i]!.values[0]!));
}

for (const mode of modes) {
  const options = { skip: await skipped(mode) };

  test(
    `gpujs ${mode}: a sum is compared as it was rounded`,
    options,
    () => check(mode, comparedSums),
  );

  test(`gpujs ${mode}: no choice loses NaN`, options, () => check(mode, choices));

  test(`gpujs ${mode}: products and sums are not regrouped`, options, () => check(mode, regrouped));

  test(`gpujs ${mode}: small graphs are right on special values`, options, async () => {
    const graphs = fc.array(specialGraphs, { minLength: 40, maxLength: 40 });
    await fc.assert(fc.asyncProperty(graphs, (each) => check(mode, each)), {
      numRuns: mode === "webgpu" ? 6 : 2,
    });
  });
}
