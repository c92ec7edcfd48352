import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compile } from "../src/compiler/compile.ts";
import { exactGraphCases, exactRowGraphCases } from "./support/exact-graphs.ts";
import { compileWith, loopsOf, runProgram } from "./support/fusion.ts";
import { gpuBackend, type ProgramCase, runOnBackend } from "./support/gpu-backend.ts";
import type { GraphCase } from "./support/random-graphs.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

/** Larger numbers may have been rounded on the way, and sums then depend on their order. */
function isExact({ graph, inputs }: GraphCase): boolean {
  const everything = graph.instructions.map(({ output }) => output);
  const program = compileWith(false, { ...graph, outputs: everything });
  return runProgram(program, inputs).every((values, i) =>
    everything[i]!.spec.dtype !== "float32" ||
    values.every((value) => !Number.isFinite(value) || Math.abs(value) < 2 ** 24)
  );
}

async function assertPrograms(graphs: fc.Arbitrary<GraphCase>, numRuns: number): Promise<number> {
  const backend = await gpuBackend();
  let swept = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(graphs.filter(isExact), { minLength: 15, maxLength: 15 }),
      async (cases) => {
        const programs = cases.map(({ graph, inputs, donated }): ProgramCase => {
          const { program } = compile(graph, {
            donated,
            evaluate: () => undefined,
            target: backend,
          });
          return { program, inputs };
        });
        swept += programs.flatMap(({ program }) => loopsOf(program))
          .filter(({ sweeps }) => sweeps !== undefined).length;
        const results = await runOnBackend(programs);
        cases.forEach(({ graph, inputs }, i) => {
          const expected = runProgram(compileWith(false, graph), inputs);
          assert.deepEqual(results[i], expected, `${graph}\n${JSON.stringify(inputs)}`);
        });
      },
    ),
    { numRuns },
  );
  return swept;
}

test("webgpu program: random graphs, fused, give what the reference gives", options, async () => {
  await assertPrograms(exactGraphCases, 8);
});

test("webgpu program: so do graphs over rows, in several sweeps", options, async () => {
  const swept = await assertPrograms(exactRowGraphCases, 5);
  assert.ok(swept > 0, `${swept} loops with sweeps`);
});
