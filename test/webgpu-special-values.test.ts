/** NaN, infinities, and what rounds away: not as compilers of drivers would have it. */
import { test } from "node:test";
import fc from "fast-check";
import { runOnBackend } from "./support/gpu-backend.ts";
import {
  assertSpecial,
  choices,
  comparedSums,
  type Expression,
  regrouped,
  specialGraphs,
  specialProgram,
} from "./support/special-graphs.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

async function check(graphs: readonly Expression[]): Promise<void> {
  const results = await runOnBackend(graphs.map(specialProgram));
  graphs.forEach((graph, i) => assertSpecial(graph, results[i]![0]!));
}

test("webgpu a sum is compared as it was rounded", options, () => check(comparedSums));

test("webgpu no choice loses NaN", options, () => check(choices));

test("webgpu products and sums are not regrouped", options, () => check(regrouped));

test("webgpu small graphs are right on special values", options, async () => {
  const graphs = fc.array(specialGraphs, { minLength: 40, maxLength: 40 });
  await fc.assert(fc.asyncProperty(graphs, check), { numRuns: 6 });
});
