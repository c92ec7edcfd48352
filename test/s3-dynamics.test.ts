// Properties 6, 7 and 8: what S3 does over many steps, and Adam beside it.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  applyUpdates,
  grad,
  jit,
  mul,
  s3,
  scaleByAdam,
  scaleByS3,
  square,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../mod.ts";
import { runS3 } from "./support/run-s3.ts";

const float64 = { dtype: "float64" } as const;

test("s3: on a parabola a constant rate ends in a cycle of two, independent of curvature and p", () => {
  const curvatures = tensor([1e-3, 0.1, 1, 30, 1e4], float64);
  const loss = (x: Tensor) => sum(mul(mul(curvatures, 0.5), square(x)));
  for (const b of [0.5, 0.9, 0.95, 0.99]) {
    for (const p of [1, 1.5, 2, 3, 4, 8]) {
      const learningRate = 0.01;
      const amplitude = (learningRate * (1 - b) * (1 + 2 * b)) / (2 * (1 + b));
      const optimizer = s3({ learningRate, b, p });
      const step = jit((x: Tensor, state: ReturnType<typeof initialS3>) => {
        const [updates, next] = optimizer.update(grad(loss)(x), state);
        return [applyUpdates(x, updates), next] as const;
      });
      let x = tensor([0.011, -0.012, 0.0101, 0.013, -0.0107], float64);
      let state = optimizer.init(x);
      // r forgets the way there at the rate b^(1/p).
      const steps = 500 + Math.ceil((24 * p) / -Math.log(b));
      for (let t = 0; t < steps; t++) [x, state] = step(x, state);
      const now = x.toArray() as number[];
      [x, state] = step(x, state);
      const next = x.toArray() as number[];
      now.forEach((value, i) => {
        const where = `b=${b} p=${p} coordinate ${i}: ${value}, then ${
          next[i]
        }; amplitude ${amplitude}`;
        assert.ok(Math.abs(Math.abs(value) - amplitude) < 1e-9 * amplitude, where);
        assert.ok(Math.abs(value + next[i]!) < 1e-9 * amplitude, where);
      });
    }
  }
});

const initialS3 = (params: Tensor) => s3({ learningRate: 1 }).init(params);

test("s3: with the defaults the cycle has the amplitude 0.0371795 times the rate", () => {
  const b = 0.95;
  assert.equal((((1 - b) * (1 + 2 * b)) / (2 * (1 + b))).toFixed(7), "0.0371795");
  const optimizer = s3({ learningRate: 1 });
  let x = tensor(1.5, float64);
  let state = optimizer.init(x);
  for (let t = 0; t < 2000; t++) {
    const [updates, next] = optimizer.update(x, state);
    [x, state] = [applyUpdates(x, updates), next];
  }
  assert.equal(Math.abs(x.item()).toFixed(7), "0.0371795");
});

/** Adam's states as after many steps: the bias corrections are 1. */
function lateAdam(columns: number) {
  return {
    ...scaleByAdam().init(zeros([columns], float64)),
    count: tensor(1_000_000, { dtype: "int32" }),
  };
}

const worstOfAdam = ((1 - 0.9) / Math.sqrt(1 - 0.999)) / Math.sqrt(1 - (0.9 * 0.9) / 0.999);

test("s3: gradients that grow by b2 / b1 a step bring Adam to 7.27, and S3 to no more than 1", () => {
  assert.equal(worstOfAdam.toFixed(2), "7.27");
  const adam = scaleByAdam();
  const directions = [1, 2, 3, 8].map((p) => scaleByS3({ p }));
  let adamState = lateAdam(1);
  let s3States = directions.map((direction) => direction.init(zeros([1], float64)));
  let largest = 0;
  for (let t = 0; t < 200; t++) {
    const g = tensor([(0.999 / 0.9) ** t], float64);
    const [u, next] = adam.update(g, adamState);
    adamState = next;
    largest = Math.max(largest, Math.abs(u.item()));
    s3States = directions.map((direction, k) => {
      const [v, next] = direction.update(g, s3States[k]!);
      assert.ok(Math.abs(v.item()) <= 1);
      return next;
    });
  }
  assert.ok(Math.abs(largest - worstOfAdam) < 1e-6, `${largest}`);
});

test("s3: no stream brings Adam above 7.27, so the stream before is its worst", () => {
  const adam = scaleByAdam();
  const gradients = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
    minLength: 40,
    maxLength: 40,
  });
  fc.assert(
    fc.property(gradients, fc.double({ min: 0.8, max: 1.5, noNaN: true }), (stream, growth) => {
      let state = lateAdam(1);
      stream.forEach((g, t) => {
        const [u, next] = adam.update(tensor([g * growth ** t], float64), state);
        state = next;
        assert.ok(Math.abs(u.item()) <= worstOfAdam + 1e-9);
      });
    }),
    { numRuns: 30 },
  );
});

test("s3: one unit gradient after 20,000 quiet ones moves S3 far less than Adam", () => {
  // Quiet gradients of random sign, in 32 columns; the sum of |u| over the spike and 400 quiet steps.
  const columns = 32;
  const quiet = Array.from({ length: 61 }, (_, k) => tensor(signs(columns, k), float64).mul(1e-6));
  const directions = {
    adam: scaleByAdam(),
    p1: scaleByS3({ p: 1 }),
    p2: scaleByS3({ p: 2 }),
    p3: scaleByS3({ p: 3 }),
  };
  const start = zeros([columns], float64);
  const initial = {
    adam: directions.adam.init(start),
    p1: directions.p1.init(start),
    p2: directions.p2.init(start),
    p3: directions.p3.init(start),
  };
  const step = jit((g: Tensor, state: typeof initial) => {
    const [adam, adamState] = directions.adam.update(g, state.adam);
    const [p1, p1State] = directions.p1.update(g, state.p1);
    const [p2, p2State] = directions.p2.update(g, state.p2);
    const [p3, p3State] = directions.p3.update(g, state.p3);
    return [
      { adam, p1, p2, p3 },
      { adam: adamState, p1: p1State, p2: p2State, p3: p3State },
    ] as const;
  });

  let state = initial;
  for (let t = 0; t < 20_000; t++) state = step(quiet[t % 61]!, state)[1];
  const moved = { adam: 0, p1: 0, p2: 0, p3: 0 };
  for (let t = 0; t <= 400; t++) {
    const [u, next] = step(
      t === 0 ? tensor(new Array(columns).fill(1), float64) : quiet[t % 61]!,
      state,
    );
    state = next;
    for (const name of ["adam", "p1", "p2", "p3"] as const) {
      for (const x of u[name].dataSync()) moved[name] += Math.abs(x) / columns;
    }
  }
  const near = (value: number, expected: number, tolerance: number) =>
    assert.ok(Math.abs(value - expected) <= tolerance, JSON.stringify(moved));
  near(moved.adam, 31.8, 0.1);
  near(moved.p3, 4.0, 0.05);
  near(moved.p2, 9.3, 0.3);
  near(moved.p1, 227, 4);
});

/** Signs that look random, the same in every run. */
function signs(count: number, seed: number): number[] {
  let word = (seed * 2654435761 + 1) >>> 0;
  return Array.from({ length: count }, () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word >>> 31 === 0 ? 1 : -1;
  });
}

/** Steps after an outlier of ratio R until r is at most twice the size of the other gradients. */
function stepsToForget(p: number, b: number, R: number): number {
  const gradients = Array.from({ length: 4000 }, (_, t) => [t === 0 ? R : 1]);
  return runS3({ b, p }, gradients, "float64").findIndex(({ r }) => r[0]! <= 2);
}

test("s3: a large p forgets an outlier slowly: another p ln R / -ln b steps", () => {
  for (const b of [0.9, 0.95]) {
    const perOrder = (R: number) => Math.log(R) / -Math.log(b);
    const steps = [2, 3, 4, 8].map((p) => stepsToForget(p, b, 1e6));
    [2, 3, 4, 8].forEach((p, k) => {
      // The outlier enters r with the weight 1 - b, and r comes down to 2 instead of 1.
      const fromStart = steps[k]! - (p * Math.log(1e6 / 2) + Math.log(1 - b)) / -Math.log(b);
      assert.ok(Math.abs(fromStart) < 6, `b=${b} p=${p}: off by ${fromStart} steps`);
      const larger = stepsToForget(p, b, 1e9) - steps[k]!;
      assert.ok(Math.abs(larger - p * perOrder(1e3)) < 2, `b=${b} p=${p}: ${larger} more steps`);
    });
  }
  assert.equal(stepsToForget(Infinity, 0.95, 1e6), -1);
});
