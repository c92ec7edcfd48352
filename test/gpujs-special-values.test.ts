import { modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import { testSpecialValues } from "./support/special-values.ts";

for (const mode of modes) {
  testSpecialValues({
    name: `gpujs ${mode}`,
    skip: await skipped(mode),
    run: async (programs) => (await runProgramsOn(mode, programs)).map(({ values }) => values[0]!),
    numRuns: mode === "webgpu" ? 6 : 2,
  });
}
