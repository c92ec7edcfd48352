import { machines } from "./support/run-s3.ts";
import { testDynamics } from "./support/s3-dynamics.ts";

for (const machine of machines) testDynamics(machine);
