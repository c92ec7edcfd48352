import { runOnBackend } from "./support/gpu-backend.ts";
import { testSpecialValues } from "./support/special-values.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

testSpecialValues({
  name: "webgpu",
  skip: await skipWithoutGpu(),
  run: async (programs) => (await runOnBackend(programs)).map((results) => results[0]!),
  numRuns: 6,
});
