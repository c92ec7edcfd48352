import assert from "node:assert/strict";
import { test } from "node:test";
import { erf } from "../backends/reference/erf.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import type { MathName } from "../backends/wasm/math/mod.ts";
import type { TypedArray } from "../src/core/dtype.ts";
import { oneKernelProgram } from "./support/run-kernel.ts";
import { ulpsBetween } from "./support/run-loop.ts";
import { everyExponent, noise } from "./support/every-exponent.ts";

const wasm = wasmBackend({ prepare });

function apply(op: MathName, ...args: (Float32Array | Float64Array)[]): TypedArray {
  const dtype = args[0] instanceof Float32Array ? "float32" : "float64";
  const spec = { shape: [args[0]!.length], dtype } as const;
  const values = args.map((array) => ({ ...spec, values: array as unknown as number[] }));
  const executable = wasm.compile(oneKernelProgram(op, {}, values, spec));
  const [result] = executable.run(args.map((array) => wasm.upload(array)));
  return wasm.downloadSync!(result!, dtype);
}

type Unary = Exclude<MathName, "pow">;
const exact: Readonly<Record<Unary, (x: number) => number>> = {
  cbrt: Math.cbrt,
  rcbrt: (x) => 1 / Math.cbrt(x),
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  logistic: (x) => x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)),
  erf,
};

// As backends/wasm/math/mod.ts promises.
const bounds: Readonly<Record<Unary, number>> = {
  cbrt: 1,
  rcbrt: 1.25,
  exp: 1.05,
  expm1: 1.2,
  log: 0.9,
  log1p: 0.9,
  sin: 0.51,
  cos: 0.51,
  tanh: 1.4,
  logistic: 2.4,
  erf: 1.5,
};

/** The distance to a number that is not rounded, in units of its float32. */
function distance(actual: number, expected: number): number {
  const rounded = Math.fround(expected);
  if (!Number.isFinite(rounded) || !Number.isFinite(actual) || rounded === 0) {
    return ulpsBetween("float32", actual, rounded);
  }
  return ulpsBetween("float32", actual, expected);
}

for (const [name, f] of Object.entries(exact)) {
  const op = name as Unary;
  test(`wasm ${op} of float32 is within ${bounds[op]} ulp at every exponent`, () => {
    const x = everyExponent(200);
    const y = apply(op, x);
    x.forEach((value, i) => {
      const ulps = distance(y[i]!, f(value));
      assert.ok(ulps <= bounds[op], `${op}(${value}) is ${y[i]}, ${ulps} ulp from ${f(value)}`);
    });
  });

  test(`wasm ${op} of float32 is within ${bounds[op]} ulp from 2^-12 to 2^7`, () => {
    const random = noise(2);
    const x = Float32Array.from({ length: 40000 }, () => {
      const size = 2 ** (19 * random.next().value / 2 ** 32 - 12);
      return random.next().value < 2 ** 31 ? size : -size;
    });
    const y = apply(op, x);
    x.forEach((value, i) => {
      const ulps = distance(y[i]!, f(value));
      assert.ok(ulps <= bounds[op], `${op}(${value}) is ${y[i]}, ${ulps} ulp from ${f(value)}`);
    });
  });

  // Engines' own functions may be one unit off themselves.
  test(`wasm ${op} of float64 is within 3 ulp of the engine's`, () => {
    const random = noise(3);
    const special = [0, -0, 1, -1, Infinity, -Infinity, NaN, Number.MIN_VALUE, -Number.MIN_VALUE];
    const x = Float64Array.from({ length: 20000 }, (_, i) => {
      if (i < special.length) return special[i]!;
      const reach = i % 2 === 0 ? 2040 : 24;
      const exponent = reach * (random.next().value / 2 ** 32 - 0.5);
      const size = 2 ** exponent * (1 + random.next().value / 2 ** 32);
      return random.next().value < 2 ** 31 ? size : -size;
    });
    const y = apply(op, x);
    x.forEach((value, i) => {
      const ulps = ulpsBetween("float64", y[i]!, f(value));
      assert.ok(ulps <= 3, `${op}(${value}) is ${y[i]}, ${ulps} ulp from ${f(value)}`);
    });
  });
}

/** IEEE 754's pow: unlike JavaScript's, 1 to any power is 1, and so is -1 to an infinite one. */
function ieeePow(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}

const awkward = [
  ...[0, 1, 2, 3, 0.5, 1.5, 1e30, 1e-30, 2 ** -149, 2 ** -126, 16777215, Infinity],
  ...[-0, -1, -2, -3, -0.5, -1.5, -1e30, -1e-30, -Infinity, NaN],
];

test("wasm pow of float32 is within 0.51 ulp, and IEEE 754's at the edges", () => {
  const random = noise(4);
  const pairs = awkward.flatMap((x) => awkward.map((y) => [x, y]));
  for (let i = 0; i < 40000; i++) {
    const x = 2 ** (254 * random.next().value / 2 ** 32 - 126);
    const y = (random.next().value / 2 ** 31 - 1) * 150 / (Math.abs(Math.log2(x)) + 0.01);
    pairs.push([Math.fround(x), Math.fround(y)]);
  }
  const x = Float32Array.from(pairs, ([x]) => x!);
  const y = Float32Array.from(pairs, ([, y]) => y!);
  const z = apply("pow", x, y);
  x.forEach((base, i) => {
    const expected = ieeePow(base, y[i]!);
    const ulps = distance(z[i]!, expected);
    assert.ok(ulps <= 0.51, `${base} ** ${y[i]} is ${z[i]}, ${ulps} ulp from ${expected}`);
  });
});

test("wasm pow of float64 is within 3 ulp of the engine's, and IEEE 754's at the edges", () => {
  const random = noise(5);
  const pairs = awkward.flatMap((x) => awkward.map((y) => [x, y]));
  for (let i = 0; i < 20000; i++) {
    const reach = i % 2 === 0 ? 2040 : 4;
    const x = 2 ** (reach * (random.next().value / 2 ** 32 - 0.5));
    pairs.push([x, (random.next().value / 2 ** 31 - 1) * 1000 / (Math.abs(Math.log2(x)) + 0.01)]);
  }
  const x = Float64Array.from(pairs, ([x]) => x!);
  const y = Float64Array.from(pairs, ([, y]) => y!);
  const z = apply("pow", x, y);
  x.forEach((base, i) => {
    const expected = ieeePow(base, y[i]!);
    const ulps = ulpsBetween("float64", z[i]!, expected);
    assert.ok(ulps <= 3, `${base} ** ${y[i]} is ${z[i]}, ${ulps} ulp from ${expected}`);
  });
});

test("wasm sin and cos of float64 hold far from zero, where 2/pi needs a thousand digits", () => {
  // From a computation with 1300 bits.
  const x = Float64Array.of(1e22, 2 ** 1000, -1e300, 5.319372648326541e255, 3 * 2 ** 20);
  const sines = [
    -0.8522008497671888,
    -0.15920170308624243,
    0.8178819121159085,
    1.0,
    0.8470860211842591,
  ];
  const cosines = [
    0.523214785395139,
    0.9872460775989135,
    -0.5753861119575491,
    -4.687165924254628e-19,
    0.5314558050432989,
  ];
  const [sin, cos] = [apply("sin", x), apply("cos", x)];
  x.forEach((value, i) => {
    assert.ok(ulpsBetween("float64", sin[i]!, sines[i]!) <= 2, `sin(${value}) is ${sin[i]}`);
    assert.ok(ulpsBetween("float64", cos[i]!, cosines[i]!) <= 2, `cos(${value}) is ${cos[i]}`);
  });
});
