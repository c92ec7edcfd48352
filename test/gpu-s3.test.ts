// The numbered properties of S3 on a GPU, in float32. The same tests run on "cpu" in test/s3-*.test.ts.
import { gpus, machineOf } from "./support/gpu-devices.ts";
import { testBounds } from "./support/s3-bounds.ts";
import { testDynamics } from "./support/s3-dynamics.ts";
import { testGolden } from "./support/s3-golden.ts";
import { testInvariance } from "./support/s3-invariance.ts";
import { testLimits } from "./support/s3-limits.ts";
import { testNesterov } from "./support/s3-nesterov.ts";
import { testState } from "./support/s3-state.ts";

for (const gpu of gpus) {
  const machine = machineOf(gpu);
  testBounds(machine);
  testNesterov(machine);
  testLimits(machine);
  testInvariance(machine);
  testDynamics(machine);
  testState(machine);
  testGolden(machine);
}
