import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { moderateFloat32 } from "./support/gradient-streams.ts";
import { machines } from "./support/run-s3.ts";
import { testBounds } from "./support/s3-bounds.ts";

for (const machine of machines) testBounds(machine);

test("s3 properties: the moderate numbers are float32 and cover their range", () => {
  const sample = fc.sample(moderateFloat32(20), 500);
  assert.ok(sample.every((x) => Math.fround(x) === x && Math.abs(x) < 2 ** 20));
  assert.ok(sample.some((x) => x !== 0 && Math.abs(x) < 2 ** -10));
});
