import { machines } from "./support/run-s3.ts";
import { testLimits } from "./support/s3-limits.ts";

for (const machine of machines) testLimits(machine);
