/** The powers and roots that S3 is made of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeGraph, scaleByS3, tensor } from "../mod.ts";
import { powerOf } from "../src/optim/power-mean.ts";

const orders = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 12, 16, 27, 48, 63, 64, 65, 100];

/** Half a unit in the last place, of one; and the normal numbers. */
const formats = {
  float32: { unit: 2 ** -24, least: 2 ** -126, largest: 2 ** 127 },
  float64: { unit: 2 ** -53, least: 2 ** -1022, largest: 2 ** 1023 },
} as const;

for (const dtype of ["float32", "float64"] as const) {
  const { unit, least, largest } = formats[dtype];
  const exact = (x: number) => dtype === "float32" ? Math.fround(x) : x;

  test(`powers of S3: every order, its root, and the division by it, in ${dtype}`, () => {
    // What means are made of, from far below what matters up to 2; and all sums that can be.
    const bases = Array.from({ length: 200 }, (_, i) => exact(1.93 * 0.97 ** i));
    const sums = Array.from({ length: 215 }, (_, i) => exact(1.37 * 2 ** (2 - 0.6 * i)));
    for (const p of orders) {
      const { power, root, divideByRoot } = powerOf(p);
      const check = (actual: number, expected: number, units: number, what: string) => {
        if (Math.abs(expected) < least || Math.abs(expected) > largest) return;
        const off = Math.abs(actual / expected - 1) / unit;
        assert.ok(off <= units, `${what}, p = ${p}: ${actual}, expected ${expected}: ${off} units`);
      };
      const powers = power(tensor(bases, { dtype })).toArray() as number[];
      bases.forEach((x, i) => check(powers[i]!, x ** p, 2 * p + 10, `power of ${x}`));
      const x = tensor(sums, { dtype });
      const roots = root(x).toArray() as number[];
      const quotients = divideByRoot(tensor(-3, { dtype }), x).toArray() as number[];
      sums.forEach((x, i) => {
        // Roots by logarithms are off by units of the logarithm.
        const units = 6 + 2 * Math.abs(Math.log(x)) / p;
        // Raised to its power again, a root tells p times as much.
        check(roots[i]! ** p, x, p * units + 4, `root of ${x}`);
        check((-3 / quotients[i]!) ** p, x, p * (units + 3) + 4, `division by the root of ${x}`);
      });
    }
  });
}

test("powers of S3: none by pow and no root by exp where there is another way", () => {
  const callsOf = (p: number, name: string): number => {
    const transform = scaleByS3({ p });
    const g = tensor([1, 2]);
    const graph = makeGraph(transform.update)(g, transform.init(g));
    return graph.instructions.filter(({ op }) => op === name).length;
  };
  for (const p of [1, 2, 3, 4, 5, 6, 7, 8, 9, 64, Infinity]) {
    assert.equal(callsOf(p, "pow"), 0, `p = ${p}`);
  }
  for (const p of [1, 2, 3, 4, 6, 8, 9, 64]) assert.equal(callsOf(p, "exp"), 0, `p = ${p}`);
  // Two powers and a root each for the update and for the state.
  for (const p of [1.5, 65]) {
    assert.deepEqual([callsOf(p, "pow"), callsOf(p, "exp")], [6, 0], `p = ${p}`);
  }
});
