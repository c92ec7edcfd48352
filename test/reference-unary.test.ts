import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import { type DType, dtypes, fromBFloat16Bits, toBFloat16Bits } from "../src/core/dtype.ts";
import { anyElement, anyElements, anyShape } from "./support/kernel-arbitraries.ts";
import { elements, fromArray, runKernel, toArray } from "./support/run-kernel.ts";

const backend = referenceBackend();
const floats: readonly DType[] = ["float32", "float64"];

/** To the nearest whole number, ties to the even one, found by comparing the two neighbours. */
function nearestEven(x: number): number {
  const below = Math.floor(x);
  const above = Math.ceil(x);
  if (below === above) return x;
  if (x - below !== above - x) return x - below < above - x ? below : above;
  return below % 2 === 0 ? below : above;
}

const realFunctions = {
  neg: (x: number) => x * -1,
  abs: (x: number) => (x < 0 || Object.is(x, -0) ? 0 - x : x),
  sign: (x: number) => (x > 0 ? 1 : x < 0 ? -1 : x),
  floor: (x: number) => Math.floor(x),
  ceil: (x: number) => Math.ceil(x),
  round: nearestEven,
  sqrt: (x: number) => Math.sqrt(x),
  cbrt: (x: number) => Math.cbrt(x),
  rcbrt: (x: number) => 1 / Math.cbrt(x),
  exp: (x: number) => Math.exp(x),
  expm1: (x: number) => Math.expm1(x),
  log: (x: number) => Math.log(x),
  log1p: (x: number) => Math.log1p(x),
  sin: (x: number) => Math.sin(x),
  cos: (x: number) => Math.cos(x),
  tanh: (x: number) => Math.tanh(x),
  logistic: (x: number) => x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)),
};

for (const [name, f] of Object.entries(realFunctions)) {
  test(`reference ${name} rounds the function of each element once, also in place`, () => {
    fc.assert(fc.property(
      fc.constantFrom(...floats).chain((dtype) => anyShape().chain((s) => anyElements(dtype, s))),
      (x) => {
        const op = name as keyof typeof realFunctions;
        const round = x.dtype === "float32" ? Math.fround : (value: number) => value;
        const expected = x.values.map((value) => round(f(value)));
        assert.deepEqual(runKernel(backend, op, {}, [x], x), expected);
        assert.deepEqual(runKernel(backend, op, {}, [x], x, 0), expected);
      },
    ));
  });
}

test("reference neg, abs and sign of int32 wrap", () => {
  const x = elements("int32", [4], [-0x80000000, 0x7fffffff, 0, -3]);
  assert.deepEqual(runKernel(backend, "neg", {}, [x], x), [-0x80000000, -0x7fffffff, 0, 3]);
  assert.deepEqual(runKernel(backend, "abs", {}, [x], x), [-0x80000000, 0x7fffffff, 0, 3]);
  assert.deepEqual(runKernel(backend, "sign", {}, [x], x), [-1, 1, 0, -1]);
});

test("reference round, sign and abs keep the sign of zero and pass NaN on", () => {
  const x = elements("float64", [7], [-0.5, -0, 0.5, 1.5, 2.5, NaN, 0.49999999999999994]);
  assert.deepEqual(runKernel(backend, "round", {}, [x], x), [-0, -0, 0, 2, 2, NaN, 0]);
  assert.deepEqual(runKernel(backend, "sign", {}, [x], x), [-1, -0, 1, 1, 1, NaN, 1]);
  assert.deepEqual(runKernel(backend, "abs", {}, [x], x).slice(0, 2), [0.5, 0]);
});

// 40 digits of mpmath's erf, rounded to double.
const erfValues: readonly (readonly [number, number])[] = [
  [5e-324, 5e-324],
  [1e-310, 1.1283791670955e-310],
  [1e-100, 1.1283791670955126e-100],
  [1e-9, 1.1283791670955127e-9],
  [0.001, 0.0011283787909692365],
  [0.1, 0.1124629160182849],
  [0.25, 0.27632639016823696],
  [0.5, 0.5204998778130465],
  [0.75, 0.7111556336535151],
  [0.9, 0.7969082124228322],
  [0.9999999999999999, 0.8427007929497148],
  [1, 0.8427007929497149],
  [1.0000000000000002, 0.842700792949715],
  [1.1, 0.8802050695740817],
  [1.25, 0.9229001282564583],
  [1.5, 0.9661051464753108],
  [1.75, 0.9866716712191824],
  [2, 0.9953222650189527],
  [2.5, 0.999593047982555],
  [3, 0.9999779095030014],
  [3.5, 0.9999992569016276],
  [4, 0.9999999845827421],
  [4.5, 0.9999999998033839],
  [5, 0.9999999999984626],
  [5.5, 0.9999999999999927],
  [5.9, 0.9999999999999999],
  [6, 1],
  [30, 1],
  [Infinity, 1],
];

test("reference erf is right to double accuracy, odd, and passes NaN on", () => {
  const x = elements("float64", [erfValues.length], erfValues.map(([at]) => at));
  const minus = elements("float64", x.shape, x.values.map((value) => -value));
  const results = runKernel(backend, "erf", {}, [x], x);
  results.forEach((result, i) => {
    const expected = erfValues[i]![1];
    const error = Math.abs(result - expected);
    assert.ok(error <= 5e-16 * expected, `erf(${x.values[i]}) = ${result}, not ${expected}`);
  });
  assert.deepEqual(runKernel(backend, "erf", {}, [minus], x), results.map((value) => -value));
  const edges = elements("float64", [3], [NaN, 0, -0]);
  assert.deepEqual(runKernel(backend, "erf", {}, [edges], edges), [NaN, 0, -0]);
});

test("reference erf agrees with its power series", () => {
  fc.assert(fc.property(fc.double({ min: -3, max: 3, noNaN: true }), (x) => {
    let term = x, sum = x; // 7.1.6 of Abramowitz & Stegun: all terms have one sign.
    for (let n = 1; n < 120; n++) sum += term *= 2 * x * x / (2 * n + 1);
    const expected = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    const [result] = runKernel(backend, "erf", {}, [elements("float64", [], [x])], {
      shape: [],
      dtype: "float64",
    });
    assert.ok(Math.abs(result! - expected) <= 4e-15 * Math.abs(expected) + 1e-323);
  }));
});

test("reference isFinite tells NaN and the infinities apart", () => {
  fc.assert(fc.property(
    fc.constantFrom(...floats).chain((dtype) => anyShape().chain((s) => anyElements(dtype, s))),
    (x) => {
      const result = runKernel(backend, "isFinite", {}, [x], { shape: x.shape, dtype: "bool" });
      assert.deepEqual(result, x.values.map((value) => Number(Number.isFinite(value))));
    },
  ));
});

test("reference not complements bits, and truth for bool", () => {
  fc.assert(fc.property(
    fc.constantFrom<DType>("bool", "int32", "uint32")
      .chain((dtype) => anyShape().chain((shape) => anyElements(dtype, shape))),
    (x) => {
      const expected = x.values.map((value) => {
        if (x.dtype === "bool") return 1 - value;
        return x.dtype === "int32" ? -1 - value : 0xffffffff - value;
      });
      assert.deepEqual(runKernel(backend, "not", {}, [x], x), expected);
      assert.deepEqual(runKernel(backend, "not", {}, [x], x, 0), expected);
    },
  ));
});

/** What a cast should give, by the instruction set's words. */
function converted(value: number, from: DType, to: DType): number {
  switch (to) {
    case "bool":
      return value === 0 ? 0 : 1;
    case "float64":
      return value;
    case "float32":
      return Math.fround(value);
    case "bfloat16":
      return fromBFloat16Bits(toBFloat16Bits(value));
    default: {
      const [least, largest] = to === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
      if (Number.isNaN(value)) return 0;
      if (from === "int32" || from === "uint32") {
        return Number(
          to === "int32" ? BigInt.asIntN(32, BigInt(value)) : BigInt.asUintN(32, BigInt(value)),
        );
      }
      return Math.trunc(Math.min(Math.max(value, least), largest)) + 0;
    }
  }
}

for (const from of dtypes) {
  for (const to of dtypes) {
    test(`reference cast from ${from} to ${to}`, () => {
      fc.assert(
        fc.property(anyShape().chain((shape) => anyElements(from, shape)), (x) => {
          const expected = x.values.map((value) => converted(value, from, to));
          const output = { shape: x.shape, dtype: to };
          assert.deepEqual(runKernel(backend, "cast", { dtype: to }, [x], output), expected);
          if (toArray(x).BYTES_PER_ELEMENT === toArray(elements(to, [], [])).BYTES_PER_ELEMENT) {
            assert.deepEqual(runKernel(backend, "cast", { dtype: to }, [x], output, 0), expected);
          }
        }),
        { numRuns: 40 },
      );
    });
  }
}

test("reference cast of a float to an integer truncates, saturates, and takes NaN to 0", () => {
  const x = elements("float32", [7], [-1.9, 1.9, 1e20, -1e20, NaN, Infinity, -Infinity]);
  const cast = (dtype: DType) =>
    runKernel(backend, "cast", { dtype }, [x], { shape: x.shape, dtype });
  const [low, high] = [-0x80000000, 0x7fffffff];
  assert.deepEqual(cast("int32"), [-1, 1, high, low, 0, high, low]);
  assert.deepEqual(cast("uint32"), [0, 1, 0xffffffff, 0, 0, 0xffffffff, 0]);
  assert.deepEqual(cast("bool"), [1, 1, 1, 1, 1, 1, 1]);
});

test("reference bitcast keeps the bits between the 32-bit dtypes and of each dtype to itself", () => {
  const words: readonly DType[] = ["float32", "int32", "uint32"];
  const pairs = dtypes.flatMap((from) =>
    dtypes.filter((to) => from === to || (words.includes(from) && words.includes(to)))
      .map((to) => [from, to] as const)
  );
  fc.assert(fc.property(
    fc.constantFrom(...pairs).chain(([from, to]) =>
      anyShape().chain((shape) => anyElements(from, shape)).map((x) => ({ x, to }))
    ),
    ({ x, to }) => {
      const source = toArray(x);
      const target = toArray(elements(to, x.shape, x.values.map(() => 0)));
      const [bytes, into] = [new DataView(source.buffer), new DataView(target.buffer)];
      for (let i = 0; i < bytes.byteLength; i++) into.setUint8(i, bytes.getUint8(i));
      const output = { shape: x.shape, dtype: to };
      const expected = fromArray(to, target);
      assert.deepEqual(runKernel(backend, "bitcast", { dtype: to }, [x], output), expected);
      assert.deepEqual(runKernel(backend, "bitcast", { dtype: to }, [x], output, 0), expected);
    },
  ));
});

test("reference stopGradient gives the operand itself", () => {
  fc.assert(fc.property(
    fc.constantFrom(...dtypes).chain((dtype) => anyShape().chain((s) => anyElements(dtype, s))),
    (x) => assert.deepEqual(runKernel(backend, "stopGradient", {}, [x], x), x.values),
  ));
});

test("reference functions take a number for an operand", () => {
  fc.assert(fc.property(anyElement.float32, (value) => {
    const output = { shape: [], dtype: "float32" as const };
    assert.deepEqual(runKernel(backend, "neg", {}, [value], output), [-value]);
  }));
});
