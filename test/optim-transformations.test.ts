import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  adam,
  adamw,
  add,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  full,
  globalNorm,
  grad,
  type GradientTransformation,
  identity,
  jit,
  s3,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  scaleByS3,
  scaleBySchedule,
  scaleBySign,
  sgd,
  signSgd,
  sum,
  type Tensor,
  tensor,
  trace,
  treeLeaves,
  zeros,
} from "../mod.ts";
import { finiteFloat32, moderateFloat32 } from "./support/gradient-streams.ts";
import { assertSameBits } from "./support/run-s3.ts";

type Params = { head: Tensor; layers: [Tensor, Tensor] };

/** Eight numbers as a tree whose leaves hold them in this order. */
function tree(values: readonly number[]): Params {
  return {
    head: tensor(values.slice(0, 3)),
    layers: [tensor(values.slice(3, 7), { shape: [2, 2] }), tensor(values[7]!)],
  };
}

const numbersOf = (x: unknown): number[] =>
  treeLeaves(x).flatMap((leaf) => Array.from(leaf.dataSync()));

const eight = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 8, maxLength: 8 });

// --- clipByGlobalNorm, globalNorm ---

test("clipByGlobalNorm: the norm of the result is at most the limit, in any range", () => {
  fc.assert(fc.property(eight(finiteFloat32), fc.constantFrom(1e-3, 1, 50), (values, limit) => {
    const [clipped] = clipByGlobalNorm(limit).update(tree(values), {});
    const norm = Math.hypot(...numbersOf(clipped));
    assert.ok(norm <= limit * (1 + 1e-6), `${values} with ${limit}: norm ${norm}`);
  }));
});

test("clipByGlobalNorm: what is above the limit keeps its direction and gets the limit's norm", () => {
  const wide = eight(moderateFloat32(10)).filter((values) => Math.hypot(...values) > 1);
  fc.assert(fc.property(wide, fc.constantFrom(1e-36, 1, 1e30), (values, c) => {
    const scaled = values.map((x) => Math.fround(x * c));
    const limit = c * 0.5;
    const [clipped] = clipByGlobalNorm(limit).update(tree(scaled), {});
    const norm = Math.hypot(...scaled);
    numbersOf(clipped).forEach((x, i) => {
      const expected = (scaled[i]! / norm) * limit;
      assert.ok(
        Math.abs(x - expected) <= 2e-6 * limit,
        `${scaled} element ${i}: ${x}, expected ${expected}`,
      );
    });
  }));
});

test("clipByGlobalNorm: smaller updates keep their bits", () => {
  fc.assert(fc.property(eight(moderateFloat32(20)), (values) => {
    const limit = Math.hypot(...values) * 1.001 + 1e-9;
    const [clipped] = clipByGlobalNorm(limit).update(tree(values), {});
    assertSameBits(numbersOf(clipped), numbersOf(tree(values)), `${limit}`);
  }));
  const [zero] = clipByGlobalNorm(1).update(tree([0, 0, 0, 0, 0, 0, 0, 0]), {});
  assert.deepEqual(numbersOf(zero), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test("clipByGlobalNorm: huge float32 updates do not become zeros", () => {
  const [clipped] = clipByGlobalNorm(1).update({ a: tensor([3e30, 0]), b: tensor([-4e30]) }, {});
  assert.deepEqual(numbersOf(clipped).map((x) => x.toFixed(6)), [
    "0.600000",
    "0.000000",
    "-0.800000",
  ]);
});

test("clipByGlobalNorm: tiny float32 updates are clipped to a tinier limit", () => {
  const [clipped] = clipByGlobalNorm(1e-32).update(tensor([3e-30, -4e-30]), {});
  const [a, b] = numbersOf(clipped);
  assert.ok(Math.abs(a! / 6e-33 - 1) < 1e-5 && Math.abs(b! / -8e-33 - 1) < 1e-5, `${a} ${b}`);
});

test("clipByGlobalNorm: finite updates whose norm itself is out of range are clipped too", () => {
  const [clipped] = clipByGlobalNorm(1).update(tensor([3.4e38, 3.4e38, -3.4e38, 3.4e38]), {});
  assert.deepEqual(numbersOf(clipped).map((x) => x.toFixed(6)), [
    "0.500000",
    "0.500000",
    "-0.500000",
    "0.500000",
  ]);
});

test("clipByGlobalNorm: leaves without elements do not matter", () => {
  const [clipped] = clipByGlobalNorm(1).update({ a: zeros([0]), b: tensor([3, 4]) }, {});
  assert.deepEqual(numbersOf(clipped), [0.6, 0.8].map(Math.fround));
  assert.equal(globalNorm({ a: zeros([0, 2]) }).item(), 0);
});

test("globalNorm and clipByGlobalNorm: their gradients are finite at zero too", () => {
  const [none, all] = [new Array(8).fill(0), new Array(8).fill(1)];
  const norm = (x: Params) => globalNorm(x);
  assert.deepEqual(numbersOf(grad(norm)(tree(none))), none);
  const unit = numbersOf(grad(norm)(tree([3, 0, 0, 0, 0, 0, 0, -4])));
  assert.deepEqual(unit, [0.6, 0, 0, 0, 0, 0, 0, -0.8].map(Math.fround));
  const clipped = (x: Params) =>
    treeLeaves(clipByGlobalNorm(1).update(x, {})[0])
      .map((leaf) => sum(leaf))
      .reduce((a, b) => add(a, b));
  for (const value of [0, 1e-30, 0.1]) {
    assert.deepEqual(numbersOf(grad(clipped)(tree(new Array(8).fill(value)))), all);
  }
});

test("clipByGlobalNorm: NaN and infinite updates stay visible as NaN", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const [clipped] = clipByGlobalNorm(1).update({ a: tensor([1, bad]), b: tensor(2) }, {});
    const [, atBad] = numbersOf(clipped);
    assert.ok(Number.isNaN(atBad), `${bad} became ${atBad}`);
  }
  const [all] = clipByGlobalNorm(1).update({ a: tensor([1, NaN]), b: tensor(2) }, {});
  assert.ok(numbersOf(all).every(Number.isNaN));
});

test("globalNorm: is that of all leaves together wherever it is in range", () => {
  fc.assert(fc.property(eight(finiteFloat32), (values) => {
    const expected = Math.hypot(...values);
    const actual = globalNorm(tree(values)).item();
    if (expected > 3.4e38) return assert.ok(actual > 3.39e38);
    assert.ok(
      Math.abs(actual - expected) <= 2e-6 * expected + 2 ** -149,
      `${values}: ${actual}, expected ${expected}`,
    );
  }));
});

test("globalNorm: is exact for any one float32 and right for many equal ones", () => {
  for (let exponent = -149; exponent <= 127; exponent++) {
    const x = 2 ** exponent;
    assert.equal(globalNorm(tensor([0, -x, 0])).item(), x, `2^${exponent}`);
    if (exponent > 120) continue;
    assert.equal(globalNorm(full([64, 64], x)).item(), 64 * x, `64 times 2^${exponent}`);
    // Beside what does not matter, or matters a little, in whatever class.
    for (const other of [exponent - 30, exponent - 12].filter((each) => each >= -149)) {
      const expected = Math.fround(Math.hypot(x, 2 ** other));
      const norm = globalNorm({ a: tensor([x]), b: tensor([2 ** other]) }).item();
      assert.ok(Math.abs(norm - expected) <= 2 ** -22 * expected, `2^${exponent} and 2^${other}`);
    }
  }
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const beside of [0, 1, 2 ** 100, 2 ** -100]) {
      assert.equal(globalNorm(tensor([beside, bad])).item(), Math.abs(bad));
    }
  }
  assert.equal(globalNorm(tensor([Infinity, NaN])).item(), NaN);
});

test("globalNorm: float64 has its own range", () => {
  for (const c of [1e-320, 1e-250, 1e-150, 1, 1e150, 1e250, 3e307]) {
    const leaf = tensor(Float64Array.of(3 * c, -4 * c));
    const norm = globalNorm([leaf, tensor(0)]).item();
    const expected = Math.hypot(3 * c, 4 * c);
    assert.ok(Math.abs(norm - expected) <= 1e-14 * expected + 2 ** -1073, `${c}: ${norm}`);
    const [clipped] = clipByGlobalNorm(c).update(leaf, {});
    const sizes = numbersOf(clipped).map((x) => Math.abs(x) / c);
    assert.ok(
      Math.abs(sizes[0]! - 0.6) < 1e-3 && Math.abs(sizes[1]! - 0.8) < 1e-3,
      `${c}: ${sizes}`,
    );
  }
});

// --- chain and its links ---

test("chain: is associative in updates", () => {
  const links = () => [clipByGlobalNorm(1), scaleByS3(), scaleByLearningRate(0.1)] as const;
  const [a, b, c] = links();
  const forms: GradientTransformation[] = [
    chain(a, b, c),
    chain(a, chain(b, c)),
    chain(chain(a, b), c),
  ];
  fc.assert(
    fc.property(fc.array(eight(finiteFloat32), { minLength: 1, maxLength: 4 }), (stream) => {
      const results = forms.map((form) => {
        let state = form.init(tree(stream[0]!));
        let updates: Params = tree(stream[0]!);
        for (const values of stream) [updates, state] = form.update(tree(values), state);
        return numbersOf(updates);
      });
      assertSameBits(results[1]!, results[0]!, "a, (b, c)");
      assertSameBits(results[2]!, results[0]!, "(a, b), c");
    }),
  );
});

test("chain: hands params and extra arguments to every link, and the updates on", () => {
  const seen: unknown[] = [];
  const spy: GradientTransformation = {
    init: () => ({}),
    update: (updates, state, params, extra) => {
      seen.push([updates, params, extra]);
      return [updates, state];
    },
  };
  const [g, params, extra] = [tensor([1]), tensor([2]), { loss: tensor(3) }];
  chain(spy, identity(), spy).update(g, [{}, {}, {}], params, extra);
  assert.deepEqual(seen, [[g, params, extra], [g, params, extra]]);
  const [same, state] = chain().update(g, []);
  assert.equal(same, g);
  assert.deepEqual(state, []);
});

test("scaleBySchedule: the schedule sees 0, 1, 2, ... as a tensor, inside jit too", () => {
  const transform = scaleBySchedule((count) => (count as Tensor).mul(10).add(1));
  for (const update of [transform.update, jit(transform.update) as typeof transform.update]) {
    let state = transform.init(tensor([0]));
    const factors = [0, 1, 2].map(() => {
      const [u, next] = update(tensor([2]), state);
      state = next;
      return numbersOf(u)[0];
    });
    assert.deepEqual(factors, [2, 22, 42]);
    assert.equal(state.count.item(), 3);
    assert.equal(state.count.dtype, "int32");
  }
});

test("scaleBySchedule: each dtype is scaled in its own precision", () => {
  const updates = { a: tensor([1]), b: tensor([1], { dtype: "float64" }) };
  const transform = scaleByLearningRate(0.1);
  const [scaled] = transform.update(updates, transform.init(updates));
  assert.deepEqual([scaled.a.dtype, scaled.b.dtype], ["float32", "float64"]);
  assert.deepEqual(numbersOf(scaled), [-Math.fround(0.1), -0.1]);
});

test("scaleBySchedule: refuses a schedule that gives no scalar", () => {
  const transform = scaleBySchedule(() => tensor([1, 2]));
  assert.throws(() => transform.update(tensor([1]), transform.init(tensor([1]))), {
    name: "ShapeError",
    message: /scaleBySchedule\.update: the schedule gave float32\[2\]; expected a scalar/,
  });
});

test("addDecayedWeights: adds wd theta on the leaves of the mask only", () => {
  const params = { w: tensor([2, 4]), b: { c: tensor([8]) } };
  const g = { w: tensor([1, 1]), b: { c: tensor([1]) } };
  const apply = (mask?: Parameters<typeof addDecayedWeights>[1]) =>
    numbersOf(addDecayedWeights(0.5, mask).update(g, {}, params)[0]);
  // In the order of the leaves: b.c, then w.
  assert.deepEqual(apply(), [5, 2, 3]);
  assert.deepEqual(apply({ mask: { w: true, b: { c: false } } }), [1, 2, 3]);
  assert.deepEqual(apply({ mask: { w: false, b: { c: true } } }), [5, 1, 1]);
  assert.deepEqual(apply({ mask: () => ({ w: false, b: { c: false } }) }), [1, 1, 1]);
});

test("trace: a decaying sum, and the look-ahead", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 20 }),
      (stream) => {
        for (const nesterov of [false, true]) {
          const transform = trace({ decay: 0.5, nesterov });
          let state = transform.init(zeros([1], { dtype: "float64" }));
          let sum = 0;
          for (const g of stream) {
            const [u, next] = transform.update(tensor([g], { dtype: "float64" }), state);
            state = next;
            sum = g + 0.5 * sum;
            assert.equal(numbersOf(u)[0], nesterov ? g + 0.5 * sum : sum);
          }
        }
      },
    ),
  );
});

test("scaleBySign: the sign of every number, NaN for NaN", () => {
  const [u] = scaleBySign().update(tensor([3e38, 2 ** -149, 0, -(2 ** -149), -Infinity, NaN]), {});
  assert.deepEqual(numbersOf(u), [1, 1, 0, -1, -1, NaN]);
});

// --- all of them ---

const every: Readonly<Record<string, () => GradientTransformation>> = {
  adam: () => adam({ learningRate: 0.1 }),
  adamw: () => adamw({ learningRate: 0.1, weightDecay: 0.1 }),
  addDecayedWeights: () => addDecayedWeights(0.1),
  chain: () => chain(clipByGlobalNorm(1), scaleByS3(), scale(-0.1)),
  clipByGlobalNorm: () => clipByGlobalNorm(1),
  identity,
  s3: () => s3({ learningRate: 0.1, weightDecay: 0.1 }),
  scale: () => scale(2),
  scaleByAdam: () => scaleByAdam({ nesterov: true }),
  scaleByLearningRate: () => scaleByLearningRate(0.1),
  scaleByS3: () => scaleByS3({ p: 1.5 }),
  scaleBySign,
  scaleBySchedule: () => scaleBySchedule((count) => (count as Tensor).add(1)),
  sgd: () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  signSgd: () => signSgd({ learningRate: 0.1 }),
  trace: () => trace({ decay: 0.9 }),
};

for (const [name, make] of Object.entries(every)) {
  test(`${name}: is pure: inputs keep their bytes, and equal inputs give equal bits`, () => {
    const transform = make();
    const [params, g] = [
      tree([1, -2, 3, 0.5, 0, -1e-3, 7, 1e10]),
      tree([0.1, 0, -1e20, 4, 1e-40, 2, -3, 1]),
    ];
    let state = transform.init(params);
    for (let t = 0; t < 3; t++) {
      const before = [params, g, state].map(numbersOf);
      const [u, next] = transform.update(g, state, params);
      assert.deepEqual([params, g, state].map(numbersOf), before, "an input changed");
      const [again, nextAgain] = make().update(g, state, params);
      assert.deepEqual([numbersOf(again), numbersOf(nextAgain)], [numbersOf(u), numbersOf(next)]);
      state = next;
    }
  });

  test(`${name}: jitted steps give the bits of eager ones, with structure and dtypes kept`, () => {
    const transform = make();
    const params = tree([1, -2, 3, 0.5, 0, -1e-3, 7, 1e10]);
    const update = jit((g: Params, s: unknown, params: Params) => transform.update(g, s, params));
    let [eager, jitted] = [transform.init(params), transform.init(params)];
    for (let t = 0; t < 3; t++) {
      const g = tree([0.1 * t, 0, -1e20, 4, 1e-40, 2, -3, 1 - t]);
      const [u, next] = transform.update(g, eager, params);
      const [v, nextJitted] = update(g, jitted, params);
      assert.deepEqual(numbersOf(v), numbersOf(u), `step ${t + 1}`);
      assert.deepEqual(numbersOf(nextJitted), numbersOf(next), `state after step ${t + 1}`);
      assert.deepEqual(
        treeLeaves(u).map((x) => [x.shape, x.dtype]),
        treeLeaves(g).map((x) => [x.shape, x.dtype]),
      );
      [eager, jitted] = [next, nextJitted];
    }
  });
}

test("applyUpdates: adds in the dtypes of the parameters", () => {
  const params = { a: tensor([1]), b: tensor([1], { dtype: "float64" }) };
  const updates = { a: tensor([0.1], { dtype: "float64" }), b: tensor([0.1]) };
  const next = applyUpdates(params, updates);
  assert.deepEqual([next.a.dtype, next.b.dtype], ["float32", "float64"]);
  assert.deepEqual(numbersOf(next), [Math.fround(1 + Math.fround(0.1)), 1 + Math.fround(0.1)]);
  assert.deepEqual(numbersOf(params), [1, 1]);
});
