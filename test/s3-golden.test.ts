import { machines } from "./support/run-s3.ts";
import { testGolden } from "./support/s3-golden.ts";

for (const machine of machines) testGolden(machine);
