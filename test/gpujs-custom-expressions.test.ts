import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { customKernel, tensor } from "../mod.ts";
import { exact, inexact, randomKernels } from "./support/kernel-expressions.ts";
import { kernelWays } from "./support/kernel-ways.ts";
import { elementsOf } from "./support/tensors.ts";

const row = [
  ...[0, 1, -1, 2.5, -3.75, 6, 100.5, -(2 ** 20), 2 ** 33, Infinity, -Infinity, NaN, -0],
  ...[2 ** 24, 2 ** 24 - 1, -(2 ** 24), 2 ** 100, -(2 ** -100), 2 ** -20, 4],
];

/** Minus zero is a zero here: devices may take -(a - b) for b - a. */
function agree(actual: number, expected: number): boolean {
  return actual === expected || Object.is(actual, expected);
}

for (const { name, skip, open } of kernelWays) {
  test(
    `random kernels by ${name}: what is exact in float32 is what JavaScript gives`,
    { skip },
    async () => {
      const on = await open();
      const property = fc.asyncProperty(randomKernels, async ({ text, compute }) => {
        const f = Function(`return function (x) { ${text} }`)();
        const kernel = customKernel(f, { inputs: [{ rank: 1 }], output: (x) => x });
        const actual = await kernel(tensor(row, { device: on })).data();
        const here = elementsOf(kernel(tensor(row)));
        row.forEach((_, thread) => {
          let expected: number;
          try {
            expected = compute(exact, row, thread);
          } catch (error) {
            if (error !== inexact) throw error;
            return;
          }
          const message = `element ${thread} (${row[thread]}) of ${text}`;
          assert.ok(
            agree(here[thread]!, expected),
            `${message}: ${here[thread]} on the CPU; expected ${expected}`,
          );
          assert.ok(
            agree(actual[thread]!, expected),
            `${message}: ${actual[thread]}; expected ${expected}`,
          );
        });
      });
      await fc.assert(property, { numRuns: 30 });
    },
  );
}
