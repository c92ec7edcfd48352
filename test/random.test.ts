import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  bernoulli,
  categorical,
  DTypeError,
  foldIn,
  gumbel,
  jit,
  key,
  type NestedArray,
  normal,
  OptionError,
  randint,
  randomBits,
  ShapeError,
  split,
  splitKeys,
  type Tensor,
  tensor,
  uniform,
} from "../mod.ts";
import { threefry2x32 } from "../src/primitives/mod.ts";
import { root } from "./support/files.ts";
import { assertClose, assertSameBits, elementsOf, reviveNumbers } from "./support/tensors.ts";

type Shape = number[];
type Words = number[];

interface Golden {
  readonly key: Words;
  readonly threefry2x32: { readonly key: Words; readonly counter: Words; readonly value: Words }[];
  readonly seeds: { readonly seed: number; readonly key: Words }[];
  readonly split: { readonly seed: number; readonly count: number; readonly keys: Words[] }[];
  readonly foldIn: { readonly data: number; readonly key: Words }[];
  readonly bits32: { readonly shape: Shape; readonly value: NestedArray }[];
  readonly uniform32: {
    readonly shape: Shape;
    readonly minval: number;
    readonly maxval: number;
    readonly bitwise: boolean;
    readonly value: NestedArray;
  }[];
  readonly normal32: { readonly shape: Shape; readonly value: NestedArray }[];
  readonly randint32: {
    readonly minval: number;
    readonly maxval: number;
    readonly value: number[];
  }[];
  readonly bernoulli: { readonly p: number; readonly value: boolean[] }[];
  readonly gumbel32: number[][];
  readonly logits: number[][];
  readonly categorical: { readonly shape: Shape; readonly value: NestedArray }[];
  readonly uniform64: {
    readonly shape: Shape;
    readonly minval: number;
    readonly maxval: number;
    readonly value: NestedArray;
  }[];
  readonly normal64: number[];
}

const golden: Golden = JSON.parse(
  readFileSync(`${root}test/golden/random.json`, "utf8"),
  reviveNumbers,
);

const words = (values: readonly number[] | readonly number[][]): Tensor =>
  tensor(values, { dtype: "uint32" });
const KEY = words(golden.key);
const flat = (data: NestedArray): number[] => elementsOf(tensor(data, { dtype: "float64" }));

test("random golden: threefry2x32", () => {
  for (const { key, counter, value } of golden.threefry2x32) {
    assertSameBits(threefry2x32(words(key), words(counter)), words(value));
  }
});

test("random golden: keys of seeds", () => {
  for (const { seed, key: expected } of golden.seeds) {
    // JAX wraps larger seeds; here they are refused.
    if (seed >= 2 ** 32) assert.throws(() => key(seed), OptionError);
    else assertSameBits(key(seed), words(expected));
  }
});

test("random golden: split and foldIn", () => {
  for (const { seed, count, keys } of golden.split) {
    assertSameBits(split(key(seed), count), words(keys));
    splitKeys(key(seed), count).forEach((k, i) => assertSameBits(k, words(keys[i]!)));
  }
  for (const { data, key: expected } of golden.foldIn) {
    assertSameBits(foldIn(KEY, data), words(expected));
    assertSameBits(foldIn(KEY, tensor(data, { dtype: "uint32" })), words(expected));
    assertSameBits(foldIn(KEY, tensor(data | 0, { dtype: "int32" })), words(expected));
    assertSameBits(jit(foldIn)(KEY, tensor(data, { dtype: "uint32" })), words(expected));
  }
});

test("random golden: bits", () => {
  for (const { shape, value } of golden.bits32) {
    assertSameBits(randomBits(KEY, shape), tensor(value, { dtype: "uint32" }));
    assertSameBits(
      jit((k: Tensor) => randomBits(k, shape))(KEY),
      tensor(value, { dtype: "uint32" }),
    );
  }
});

test("random golden: uniform", () => {
  for (const { shape, minval: low, maxval: high, bitwise, value } of golden.uniform32) {
    const actual = uniform(KEY, shape, { low, high });
    if (bitwise) assertSameBits(actual, tensor(value));
    else assertClose(elementsOf(actual), flat(value), 1e-6);
    assertSameBits(
      uniform(KEY, shape, { low: tensor(low), high: tensor([high]) }),
      actual.reshape(
        shape.length === 0 ? [1] : shape,
      ),
    );
  }
  for (const { shape, minval: low, maxval: high, value } of golden.uniform64) {
    assertSameBits(
      uniform(KEY, shape, { low, high, dtype: "float64" }),
      tensor(value, { dtype: "float64" }),
    );
  }
});

/** Fails unless every element is within a relative tolerance. */
function assertRelative(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: number,
): void {
  assertClose(actual.map((value, i) => value / expected[i]!), expected.map(() => 1), tolerance);
}

test("random golden: normal", () => {
  for (const { shape, value } of golden.normal32) {
    const actual = normal(KEY, shape);
    assert.deepEqual(actual.shape, shape);
    assertRelative(elementsOf(actual), flat(value), 1e-5);
  }
  assertRelative(elementsOf(normal(KEY, [16], { dtype: "float64" })), golden.normal64, 1e-13);
});

test("random golden: randint", () => {
  for (const { minval, maxval, value } of golden.randint32) {
    // JAX gives minval for an empty range; here it is refused.
    if (minval >= maxval) assert.throws(() => randint(KEY, [12], minval, maxval), OptionError);
    else assertSameBits(randint(KEY, [12], minval, maxval), tensor(value, { dtype: "int32" }));
  }
});

test("random golden: bernoulli", () => {
  for (const { p, value } of golden.bernoulli) {
    assertSameBits(bernoulli(KEY, [16], p), tensor(value));
    assertSameBits(bernoulli(KEY, [16], tensor(p)), tensor(value));
  }
});

test("random golden: gumbel and categorical", () => {
  assertClose(elementsOf(gumbel(KEY, [2, 8])), flat(golden.gumbel32), 2e-6);
  for (const { shape, value } of golden.categorical) {
    const expected = tensor(value, { dtype: "int32" });
    assertSameBits(categorical(KEY, tensor(golden.logits), shape), expected);
    if (shape.length === 1) assertSameBits(categorical(KEY, tensor(golden.logits)), expected);
  }
});

test("random: every function refuses what is no key, by its own name", () => {
  const draws: Record<string, (k: Tensor) => unknown> = {
    split: (k) => split(k),
    foldIn: (k) => foldIn(k, 1),
    randomBits: (k) => randomBits(k, [2]),
    uniform: (k) => uniform(k, [2]),
    normal: (k) => normal(k, [2]),
    randint: (k) => randint(k, [2], 0, 3),
    bernoulli: (k) => bernoulli(k, [2]),
    gumbel: (k) => gumbel(k, [2]),
    categorical: (k) => categorical(k, tensor([0, 1])),
  };
  for (const [name, draw] of Object.entries(draws)) {
    for (
      const wrong of [
        tensor([0, 1]),
        tensor([0, 1], { dtype: "int32" }),
        words([1, 2, 3]),
        split(key(0)),
        words([[1, 2]]),
      ]
    ) {
      assert.throws(() => draw(wrong), (error) => {
        assert.ok(error instanceof ShapeError);
        assert.match(
          error.message,
          new RegExp(`^${name}: uint32|^${name}: (float32|int32)\\[2\\] is no key`),
        );
        return true;
      });
    }
    assert.throws(
      () => draw(7 as unknown as Tensor),
      new RegExp(`${name}: cannot take 7; expected a tensor`),
    );
  }
});

test("random: wrong shapes, dtypes, ranges and counts are refused, by the function's own name", () => {
  const k = key(0);
  const refused: [() => unknown, new (...args: never[]) => Error, RegExp][] = [
    [() => key(0.5), OptionError, /^key: seed is 0\.5/],
    [() => key(NaN), OptionError, /^key/],
    [() => key(-(2 ** 31) - 1), OptionError, /^key/],
    [() => split(k, -1), OptionError, /^split: count is -1/],
    [() => split(k, 1.5), OptionError, /^split/],
    [() => foldIn(k, -1), DTypeError, /^foldIn: -1 is no uint32/],
    [() => foldIn(k, 1.5), DTypeError, /^foldIn/],
    [() => foldIn(k, tensor(1)), DTypeError, /^foldIn/],
    [() => foldIn(k, words([1, 2])), ShapeError, /^foldIn/],
    [() => randomBits(k, [-1]), ShapeError, /^randomBits: \[-1\] is not a shape/],
    [() => uniform(k, [0.5]), ShapeError, /^uniform/],
    [
      () => uniform(k, [2], { low: 1, high: 1 }),
      OptionError,
      /^uniform: the range 1 to 1 is empty/,
    ],
    [() => uniform(k, [2], { low: NaN, high: 1 }), OptionError, /^uniform/],
    [() => uniform(k, [2], { dtype: "int32" }), DTypeError, /^uniform: cannot draw int32/],
    [() => normal(k, [2], { dtype: "bfloat16" }), DTypeError, /^normal: cannot draw bfloat16/],
    [() => normal(k, [-2]), ShapeError, /^normal/],
    [() => gumbel(k, [2], { dtype: "bool" }), DTypeError, /^gumbel/],
    [() => randint(k, [-2], 0, 2), ShapeError, /^randint/],
    [() => randint(k, [2], 0.5, 2), OptionError, /^randint: bound 0\.5/],
    [() => randint(k, [2], 0, 2 ** 31), OptionError, /^randint/],
    [() => bernoulli(k, [2], 1.5), OptionError, /^bernoulli: probability is 1\.5/],
    [() => bernoulli(k, [2], NaN), OptionError, /^bernoulli/],
    [() => bernoulli(k, [2], tensor(1, { dtype: "int32" })), DTypeError, /^bernoulli/],
    [() => categorical(k, tensor(1)), ShapeError, /^categorical/],
  ];
  for (const [f, type, message] of refused) {
    assert.throws(f, (error) => {
      assert.ok(error instanceof type, `${message}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("random: uniform stays in [low, high), however few numbers lie there", () => {
  const step = 2 ** -23;
  const ranges: [number, number][] = [
    [0, 1],
    [1, 1 + step],
    [1, 1 + 2 * step],
    [1000, 1001],
    [-1, -1 + step],
    [-1e-38, 1e-38],
    [-3e38, 0],
    [2 ** 24, 2 ** 24 + 4],
  ];
  for (const [low, high] of ranges) {
    for (const options of [{ low, high }, { low: tensor(low), high: tensor(high) }]) {
      const drawn = elementsOf(uniform(key(3), [20000], options));
      assert.ok(
        drawn.every((x) => x >= Math.fround(low) && x < Math.fround(high)),
        `${low} to ${high}`,
      );
    }
  }
  const [first, second] = [1, 1 + step].map((value) =>
    elementsOf(uniform(key(4), [10000], { low: 1, high: 1 + 2 * step })).filter((x) => x === value)
      .length
  );
  assert.equal(first! + second!, 10000);
  assert.ok(Math.abs(first! - 5000) < 200, `${first} of 10000`);
  fc.assert(
    fc.property(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 100), max: 2 ** 100 }),
      fc.integer({ min: 1, max: 50 }),
      (low, ulps) => {
        const bits = new Uint32Array(new Float32Array([Math.abs(low)]).buffer);
        bits[0]! += ulps;
        const high = new Float32Array(bits.buffer)[0]!;
        const drawn = elementsOf(uniform(key(5), [200], { low: Math.abs(low), high }));
        assert.ok(drawn.every((x) => x >= Math.abs(low) && x < high));
      },
    ),
  );
});

test("random: a NaN bound is not hidden", () => {
  const drawn = uniform(key(0), [2], { low: tensor(0), high: tensor(NaN) });
  assert.ok(elementsOf(drawn).every(Number.isNaN));
});

test("random: the same key gives the same numbers, other keys others, under jit too", () => {
  const draw = (k: Tensor) => normal(k, [3, 4]);
  assertSameBits(draw(key(5)), draw(key(5)));
  assertSameBits(jit(draw)(key(5)), draw(key(5)));
  const all = [key(5), key(6), ...splitKeys(key(5), 3), foldIn(key(5), 1), foldIn(key(5), 7)].map((
    k,
  ) => String(draw(k)));
  // foldIn(k, 1) is the second key of split(k): the two come from one count.
  assert.equal(new Set(all).size, all.length - 1);
});

const moments = (values: readonly number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, variance };
};

test("random: moments are what they should be", () => {
  const n = 20000;
  const near = (actual: number, expected: number, tolerance: number) =>
    assert.ok(Math.abs(actual - expected) < tolerance, `${actual}; expected ${expected}`);
  for (const dtype of ["float32", "float64"] as const) {
    const u = moments(elementsOf(uniform(key(1), [n], { dtype, low: -2, high: 4 })));
    near(u.mean, 1, 0.05);
    near(u.variance, 3, 0.1);
    const z = elementsOf(normal(key(2), [n], { dtype }));
    near(moments(z).mean, 0, 0.03);
    near(moments(z).variance, 1, 0.05);
    near(z.filter((x) => Math.abs(x) < 1.959964).length / n, 0.95, 0.01);
    const g = moments(elementsOf(gumbel(key(3), [n], { dtype })));
    near(g.mean, 0.5772, 0.05);
    near(g.variance, Math.PI ** 2 / 6, 0.1);
  }
  near(moments(elementsOf(bernoulli(key(4), [n], 0.3))).mean, 0.3, 0.02);
  const dice = elementsOf(randint(key(5), [n], 1, 7));
  for (let face = 1; face <= 6; face++) {
    near(dice.filter((x) => x === face).length / n, 1 / 6, 0.015);
  }
  const logits = tensor([0, Math.log(3), -Infinity]);
  const classes = elementsOf(categorical(key(6), logits, [n]));
  near(classes.filter((x) => x === 0).length / n, 0.25, 0.015);
  assert.ok(!classes.includes(2));
});

test("random: draws of nothing and of one", () => {
  assert.deepEqual(normal(key(0), [0, 3]).shape, [0, 3]);
  assert.deepEqual(uniform(key(0), []).shape, []);
  assert.deepEqual(split(key(0), 0).shape, [0, 2]);
  assert.deepEqual(splitKeys(key(0), 0), []);
  assert.deepEqual(add(randint(key(0), [], 3, 4), 0).item(), 3);
});
