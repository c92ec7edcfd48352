import { machines } from "./support/run-s3.ts";
import { testInvariance } from "./support/s3-invariance.ts";

for (const machine of machines) testInvariance(machine);
