import assert from "node:assert/strict";
import { test } from "node:test";
import { erf } from "../backends/reference/erf.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import { kernelProgram, runOnBackend } from "./support/gpu-backend.ts";
import { elements } from "./support/run-kernel.ts";
import { ulpsBetween } from "./support/run-loop.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { everyExponent, noise } from "./support/every-exponent.ts";

const options = { skip: await skipWithoutGpu() };

async function apply(op: ElementwiseName, ...args: Float32Array[]): Promise<readonly number[]> {
  const shape = [args[0]!.length];
  const operands = args.map((array) => elements("float32", shape, Array.from(array)));
  const [result] = await runOnBackend([
    kernelProgram({ op, params: {}, operands, output: { shape, dtype: "float32" } }),
  ]);
  return result![0]!;
}

/** Where the functions bend. */
function usual(count: number): Float32Array {
  const random = noise(2);
  return Float32Array.from({ length: count }, () => {
    const size = 2 ** (19 * random.next().value / 2 ** 32 - 12);
    return random.next().value < 2 ** 31 ? size : -size;
  });
}

type Unary =
  | "rcbrt"
  | "logistic"
  | "cbrt"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "tanh"
  | "erf";

/**
 * The function in float64, and how many units in the last place of float32 may lie between. Measured on lavapipe and on
 * SwiftShader (the larger of both): the numbers behind.
 */
const functions: Readonly<Record<Unary, readonly [f: (x: number) => number, bound: number]>> = {
  cbrt: [Math.cbrt, 1.5], // 1.27; 1.38 over all significands
  exp: [Math.exp, 1.5], // 1.19
  expm1: [Math.expm1, 2], // 1.43
  log: [Math.log, 1.5], // 1.07.75
  log1p: [Math.log1p, 2], // 0.75
  sin: [Math.sin, 2.5], // 2.33 beyond 12,000; 1.44
  cos: [Math.cos, 2.5], // 1.97 beyond 12,000; 1.47
  tanh: [Math.tanh, 2], // 1.26
  rcbrt: [(x) => 1 / Math.cbrt(x), 1.5], // 1.15; 1.24 over all significands
  logistic: [(x) => x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)), 4], // 2.13
  erf: [erf, 2], // 1.37
};

const least = 2 ** -126;

/** The distance to a number that is not rounded, in units of its float32; none where a device may flush one to zero. */
function distance(actual: number, expected: number, ...args: number[]): number {
  const rounded = Math.fround(expected);
  const isTiny = (x: number) => x !== 0 && Math.abs(x) <= least;
  if (actual === 0 && (isTiny(rounded) || args.some(isTiny))) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(actual) || rounded === 0) {
    // One of them has just not overflowed.
    return ulpsBetween("float32", actual, rounded);
  }
  return ulpsBetween("float32", actual, expected);
}

/** Subnormal numbers may be taken for zeros of their sign. */
function closest(actual: number, f: (x: number) => number, x: number): number {
  const exact = distance(actual, f(x), x);
  return Math.abs(x) < least ? Math.min(exact, distance(actual, f(x < 0 ? -0 : 0))) : exact;
}

for (const [name, [f, bound]] of Object.entries(functions)) {
  const op = name as Unary;
  test(
    `webgpu ${op} is within ${bound} units at every exponent, and from 2^-12 to 2^7`,
    options,
    async () => {
      for (const x of [everyExponent(150), usual(40000)]) {
        const y = await apply(op, x);
        let [worst, at] = [0, 0];
        x.forEach((value, i) => {
          const ulps = closest(y[i]!, f, value);
          if (ulps > worst) [worst, at] = [ulps, i];
        });
        if (process.env["SOFTSTEP_SHOW_ULPS"]) console.log(op, worst, "at", x[at], "is", y[at]);
        assert.ok(worst <= bound, `${op}(${x[at]}) is ${y[at]}, ${worst} units from ${f(x[at]!)}`);
      }
    },
  );
}

/** IEEE 754's pow: unlike JavaScript's, 1 to any power is 1, and so is -1 to an infinite one. */
function ieeePow(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}

const awkward = [
  ...[0, 1, 2, 3, 0.5, 1.5, 1e30, 1e-30, 2 ** -126, 16777215, 16777216, Infinity],
  ...[-0, -1, -2, -3, -0.5, -1.5, -1e30, -1e-30, -16777215, -Infinity, NaN],
].map(Math.fround);

// Measured: 1.45.
test("webgpu pow is within 2 units, and IEEE 754's at the edges", options, async () => {
  const random = noise(4);
  const pairs = awkward.flatMap((x) => awkward.map((y) => [x, y]));
  for (let i = 0; i < 60000; i++) {
    // Results of every exponent; bases of every exponent, near 1, and negative ones with whole powers.
    const spread = i % 3 === 0 ? 0.01 : 126;
    let x = Math.fround(2 ** (spread * (random.next().value / 2 ** 31 - 1)));
    let y = (random.next().value / 2 ** 31 - 1) * 150 / (Math.abs(Math.log2(x)) + 1e-6);
    if (i % 7 === 0) [x, y] = [-x, Math.round(y)];
    pairs.push([x, Math.fround(y)]);
  }
  const x = Float32Array.from(pairs, ([x]) => x!);
  const y = Float32Array.from(pairs, ([, y]) => y!);
  const z = await apply("pow", x, y);
  let [worst, at] = [0, 0];
  x.forEach((base, i) => {
    const ulps = distance(z[i]!, ieeePow(base, y[i]!), base);
    if (ulps > worst) [worst, at] = [ulps, i];
  });
  if (process.env["SOFTSTEP_SHOW_ULPS"]) console.log("pow", worst, "at", x[at], y[at], "is", z[at]);
  assert.ok(worst <= 2, `${x[at]} ** ${y[at]} is ${z[at]}, ${worst} units off`);
});

test("webgpu rem is exact, whatever the quotient", options, async () => {
  const random = noise(5);
  const bits = () => new Float32Array(Uint32Array.of(random.next().value).buffer)[0]!;
  const pairs = awkward.flatMap((x) => awkward.map((y) => [x, y]));
  for (let i = 0; i < 20000; i++) pairs.push([bits(), bits()]);
  const x = Float32Array.from(pairs, ([x]) => x!);
  const y = Float32Array.from(pairs, ([, y]) => y!);
  const z = await apply("rem", x, y);
  x.forEach((a, i) =>
    assert.equal(distance(z[i]!, a % y[i]!, a, y[i]!), 0, `${a} % ${y[i]} is ${z[i]}`)
  );
});
