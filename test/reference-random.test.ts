import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import { broadcastShapes } from "../src/core/shape.ts";
import {
  anyElements,
  atBroadcast,
  broadcastingShapes,
  coordinates,
} from "./support/kernel-arbitraries.ts";
import { elements, runKernel } from "./support/run-kernel.ts";

const backend = referenceBackend();

function threefry(key: readonly number[], counter: readonly number[]): number[] {
  const pair = { shape: [2], dtype: "uint32" as const };
  const operands = [elements("uint32", [2], key), elements("uint32", [2], counter)];
  return runKernel(backend, "threefry2x32", {}, operands, pair);
}

// The known answers published with the Random123 library (Threefry-2x32, 20 rounds).
test("reference threefry2x32 gives the known answers", () => {
  const ones = [0xffffffff, 0xffffffff];
  assert.deepEqual(threefry([0, 0], [0, 0]), [0x6b200159, 0x99ba4efe]);
  assert.deepEqual(threefry(ones, ones), [0x1cb996fc, 0xbb002be7]);
  const pi = threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3]);
  assert.deepEqual(pi, [0xc4923a9c, 0x483df7a0]);
});

test("reference threefry2x32 broadcasts its leading axes", () => {
  const operands = broadcastingShapes(2).chain(([key, counter]) =>
    fc.tuple(anyElements("uint32", [...key!, 2]), anyElements("uint32", [...counter!, 2]))
  );
  fc.assert(fc.property(operands, ([key, counter]) => {
    const leading = broadcastShapes("test", key.shape.slice(0, -1), counter.shape.slice(0, -1));
    const shape = [...leading, 2];
    const expected = coordinates(leading).flatMap((index) => {
      const pair = (x: typeof key) => [0, 1].map((word) => atBroadcast(x, [...index, word]));
      return threefry(pair(key), pair(counter));
    });
    const output = { shape, dtype: "uint32" as const };
    const result = runKernel(backend, "threefry2x32", {}, [key, counter], output);
    assert.deepEqual(result, expected);
  }));
});
