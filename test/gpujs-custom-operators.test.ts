import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  arange,
  customKernel,
  device,
  explain,
  jit,
  reshape,
  type Tensor,
  tensor,
} from "../mod.ts";
import { kernelCases } from "./support/kernel-cases.ts";
import { kernelWays } from "./support/kernel-ways.ts";
import { elementsOf } from "./support/tensors.ts";

for (const { name, skip, open } of kernelWays) {
  test(
    `operators of users' kernels by ${name}: they are those of JavaScript`,
    { skip },
    async () => {
      const on = await open();
      const runs = Object.entries(kernelCases).map(async ([label, [body, data]]) => {
        const f = Function(`return function (x) { ${body} }`)();
        const kernel = customKernel(f, { name: label, inputs: [{ rank: 1 }], output: (x) => x });
        const actual = await kernel(tensor(data, { device: on })).data();
        const expected = elementsOf(kernel(tensor(data)));
        // Of what is NaN, infinite or -0 too.
        assert.deepEqual([...actual], expected, label);
      });
      await Promise.all(runs);
    },
  );
}

const first = customKernel(
  function first(x) {
    return x[0]! + x.length;
  },
  { inputs: [{ rank: 1 }], output: [2] },
);

const lengths = customKernel(
  function lengths(x) {
    return x[this.thread.x - 1]!.length + x[9]!.length * 10 + x.length * 100;
  },
  { inputs: [{ rank: 2 }], output: [4] },
);

const surroundings = customKernel(
  function surroundings(a, b, c) {
    const v = a[this.thread.z - 1]![this.thread.y * 0.5]![-this.thread.x]!;
    return (v !== v ? 100 : v) + b[this.thread.y]![this.thread.x]! + a[9]!.length + c[0]!;
  },
  { inputs: [{ rank: 3 }, { rank: 2 }, { rank: 1 }], output: [4, 5, 3] },
);

for (const { name, skip, open } of kernelWays) {
  test(
    `indices of users' kernels by ${name}: outside of any axis there is NaN`,
    { skip },
    async () => {
      const on = await open();
      const count = (shape: number[], device: string): Tensor =>
        add(reshape(arange(shape.reduce((a, b) => a * b), { dtype: "float32", device }), shape), 1);
      const run = (device: string): Tensor =>
        surroundings(count([3, 2, 2], device), count([3, 2], device), count([1], device));
      const expected = elementsOf(run("cpu"));
      assert.deepEqual([...await run(on).data()], expected);
      const ofNone = tensor(new Float32Array(0), { device: on });
      assert.deepEqual([...await first(ofNone).data()], [NaN, NaN]);
      const wide = count([2, 3], on);
      assert.deepEqual([...await lengths(wide).data()], [233, 233, 233, 233]);
      // What is missing of a counts 100, and what is missing of b is missing.
      assert.deepEqual(expected.slice(0, 7), [104, 105, NaN, 106, 107, NaN, 108]);
      assert.equal(expected[15], 1 + 1 + 2 + 1);
    },
  );
}

/** Near their ends, where terms cancel, and where squares or powers of the argument would be too large. */
const probes = [
  ...[
    0,
    1,
    -1,
    0.5,
    0.999,
    1.001,
    1e-3,
    -1e-6,
    1e-20,
    3,
    -17.5,
    88,
    -88,
    89.1,
    1e4,
    1e9,
    2e9,
    -1e19,
  ],
  ...[1e20, 3e38, -3e38, 16777216, 1000, 0.1, Infinity, -Infinity, NaN],
];
// deno-fmt-ignore -- a list
const functions = [
  "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "exp", "expm1", "log", "log10", "log1p",
  "log2", "sin", "sinh", "sqrt", "tan", "tanh",
] as const;

for (const { name, options, skip, open } of kernelWays) {
  // WebGL's own functions of angles have errors of a thousandth, and are not for large ones.
  const left = options.mode === "webgl2" ? ["cos", "sin", "tan"] : [];
  test(
    `functions of Math in users' kernels by ${name}: they are those of JavaScript everywhere`,
    { skip },
    async () => {
      const on = await open();
      const runs = functions.filter((each) => !left.includes(each)).map(async (each) => {
        const f = Function(`return function (x) { return Math.${each}(x[this.thread.x]); }`)();
        const kernel = customKernel(f, { inputs: [{ rank: 1 }], output: (x) => x });
        const actual = await kernel(tensor(probes, { device: on })).data();
        elementsOf(kernel(tensor(probes))).forEach((expected, i) => {
          // A device may take subnormal numbers for 0.
          const isClose = Object.is(actual[i], expected) || actual[i] === expected ||
            Math.abs(actual[i]! - expected) <= 1e-6 * Math.abs(expected) + 2 ** -126;
          assert.ok(isClose, `${each} of ${probes[i]}: ${actual[i]}; expected ${expected}`);
        });
      });
      await Promise.all(runs);
    },
  );
}

test("operators of users' kernels: what gpu.js gets wrong runs on the host", async () => {
  const on = await device("gpu", { mode: "webasm", required: true });
  const runsOf = (body: string): string | undefined => {
    const f = Function(`return function (x) { ${body} }`)();
    const kernel = customKernel(f, { inputs: [{ rank: 1 }], output: (x) => x });
    return explain(jit((x: Tensor) => kernel(x)), tensor([1, 2], { device: on })).kernels[0]!.runs;
  };
  assert.equal(runsOf("return x[this.thread.x] | 0;"), "gpu.js");
  assert.equal(runsOf("for (let i = 0; i < 3; i++) { if (x[0] > i) break; } return 1;"), "gpu.js");
  // It would go on to the last turn, of which some loops have 2^31.
  assert.equal(runsOf("while (true) { if (x[0] > 0) return 1; }  return 0;"), "host");
});
