import { machines } from "./support/run-s3.ts";
import { testNesterov } from "./support/s3-nesterov.ts";

for (const machine of machines) testNesterov(machine);
