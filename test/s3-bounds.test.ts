// Properties 1 and 2: how large updates and states can be.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { applyUpdates, jit, s3, type Tensor, tensor } from "../mod.ts";
import {
  finiteFloat32,
  largestFloat32,
  moderateFloat32,
  streams,
} from "./support/gradient-streams.ts";
import {
  allCases,
  assertClose,
  checkEveryCase,
  decays,
  type FloatDType,
  forEachPlace,
  orders,
  place,
  runS3,
  tolerances,
} from "./support/run-s3.ts";
import { tightBound } from "./support/s3-oracle.ts";

const dtypes: readonly FloatDType[] = ["float32", "float64"];

for (const dtype of dtypes) {
  for (const nesterov of [true, false]) {
    const form = nesterov ? "with Nesterov" : "without Nesterov";

    test(`s3: |u| <= 1 exactly, and all is finite, for every finite ${dtype} stream ${form}`, () => {
      checkEveryCase({ dtype, nesterov, steps: 200 }, (testCase, gradients) => {
        const steps = runS3(testCase, gradients, dtype);
        forEachPlace(steps, (t, i) => {
          const { u, m, r } = steps[t]!;
          const before = t === 0 || testCase.b === 0 ? 0 : steps[t - 1]!.r[i]!;
          const largest = Math.max(before, Math.abs(gradients[t]![i]!));
          const fine = Math.abs(u[i]!) <= 1 && Number.isFinite(m[i]) && r[i]! >= 0 &&
            r[i]! <= largest;
          if (!fine) {
            assert.fail(
              `u ${u[i]} m ${m[i]} r ${r[i]}: ${place(testCase, dtype, gradients, t, i)()}`,
            );
          }
        });
      });
    });

    test(`s3: |u_t| stays within its bound at step t for every finite ${dtype} stream ${form}`, () => {
      checkEveryCase({ dtype, nesterov, steps: 200, runs: 3 }, (testCase, gradients) => {
        const steps = runS3(testCase, gradients, dtype);
        forEachPlace(steps, (t, i) => {
          const u = Math.abs(steps[t]!.u[i]!);
          const bound = tightBound(testCase, t + 1) + tolerances[dtype];
          if (!(u <= bound)) {
            assert.fail(`${u} > ${bound}: ${place(testCase, dtype, gradients, t, i)()}`);
          }
        });
      });
    });

    test(`s3: equal ${dtype} gradients attain the bound at every step ${form}`, () => {
      const row = [2 ** -100, -3e-20, -0.7, 1, 1e5, -1e30, 2 ** 127];
      const gradients = Array.from({ length: 400 }, () => row);
      for (const testCase of allCases(nesterov)) {
        const steps = runS3(testCase, gradients, dtype);
        forEachPlace(steps, (t, i) => {
          const expected = Math.sign(row[i]!) * tightBound(testCase, t + 1);
          const where = place(testCase, dtype, gradients, t, i);
          assertClose(steps[t]!.u[i]!, expected, tolerances[dtype], where);
        });
      }
    });
  }

  test(`s3: the first ${dtype} update is (1 - b^2)^(1 - 1/p) for any gradient but 0`, () => {
    const powers = Array.from({ length: 277 }, (_, k) => 2 ** (k - 149));
    const row = [
      ...powers,
      ...powers.map((g) => -1.9999 * g).filter((g) => -g < 2 ** 128),
      largestFloat32,
    ]
      .map(Math.fround);
    for (const testCase of allCases(true)) {
      const { b, p } = testCase;
      const { u } = runS3(testCase, [row], dtype)[0]!;
      row.forEach((g, i) => {
        const expected = Math.sign(g) * (1 - b * b) ** (1 - 1 / p);
        assertClose(u[i]!, expected, tolerances[dtype], place(testCase, dtype, [row], 0, i));
      });
      fc.assert(
        fc.property(fc.array(finiteFloat32, { minLength: 64, maxLength: 64 }), (random) => {
          const { u } = runS3(testCase, [random], dtype)[0]!;
          random.forEach((g, i) => {
            const expected = Math.sign(g) * (1 - b * b) ** (1 - 1 / p);
            assertClose(u[i]!, expected, tolerances[dtype], place(testCase, dtype, [random], 0, i));
          });
        }),
        { numRuns: 5 },
      );
    }
  });
}

test("s3: the first update with the defaults is 0.2118, a built-in warm-up", () => {
  const { u } = runS3({}, [[2 ** -149, -5, 2 ** 127]], "float32")[0]!;
  assert.deepEqual(Array.from(u, (x) => x.toFixed(4)), ["0.2118", "-0.2118", "0.2118"]);
});

test("s3: every float32 stream from 2^-149 to the largest number keeps state and update finite", () => {
  // Every power of two at once, its sign and size changing over 300 steps.
  const powers = Array.from({ length: 277 }, (_, k) => 2 ** (k - 149));
  const n = powers.length;
  const gradients = Array.from({ length: 300 }, (_, t) => [
    ...powers.map((g, i) => (i + t) % 3 === 0 ? -g : g),
    ...powers.map((_, i) => powers[(i * 7 + t * 31) % n]!),
    t % 5 === 0 ? -largestFloat32 : largestFloat32,
  ]);
  for (const testCase of allCases(true)) {
    const steps = runS3(testCase, gradients, "float32");
    forEachPlace(steps, (t, i) => {
      const { u, m, r } = steps[t]!;
      const fine = Math.abs(u[i]!) <= 1 && Number.isFinite(m[i]) && Number.isFinite(r[i]);
      if (!fine) {
        assert.fail(
          `u ${u[i]} m ${m[i]} r ${r[i]}: ${place(testCase, "float32", gradients, t, i)()}`,
        );
      }
    });
  }
});

test("s3: the bounds of u and r hold exactly for any b and any real p", () => {
  const options = fc.record({
    b: fc.oneof(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      fc.constantFrom(5e-324, 1e-40, 1e-9, 1 - 2 ** -53),
    ),
    p: fc.oneof(
      fc.constantFrom(...orders),
      fc.double({ min: 1, max: 20, noNaN: true }),
      fc.constantFrom(1e3, 1e300),
    ),
    nesterov: fc.boolean(),
  });
  const gradients = streams(finiteFloat32, { steps: 40, columns: 8 });
  fc.assert(
    fc.property(options, gradients, fc.constantFrom(...dtypes), (testCase, gradients, dtype) => {
      const steps = runS3(testCase, gradients, dtype);
      forEachPlace(steps, (t, i) => {
        const { u, m, r } = steps[t]!;
        const before = t === 0 || testCase.b === 0 ? 0 : steps[t - 1]!.r[i]!;
        const largest = Math.max(before, Math.abs(gradients[t]![i]!));
        if (Math.abs(u[i]!) <= 1 && Number.isFinite(m[i]) && r[i]! >= 0 && r[i]! <= largest) return;
        assert.fail(`u ${u[i]} m ${m[i]} r ${r[i]}: ${place(testCase, dtype, gradients, t, i)()}`);
      });
    }),
    { numRuns: 400 },
  );
});

test("s3: a coordinate without gradients comes to rest, and stays there", () => {
  // b m rounds to m among the smallest numbers, while r goes on: u must not grow out of that.
  for (const b of [0.5, 0.9, 0.95]) {
    for (const p of [1, 3, 8]) {
      const steps = Math.ceil((100 * p) / -Math.log(b));
      const gradients = Array.from(
        { length: steps },
        (_, t) => t < 3 ? [1, -1e-3, 1e-30] : [0, 0, 0],
      );
      const { u, m } = runS3({ b, p }, gradients, "float32").at(-1)!;
      assertAllZero([...Array.from(u), ...Array.from(m)], `b=${b} p=${p}`);
    }
  }
});

function assertAllZero(values: readonly number[], where: string): void {
  assert.ok(values.every((value) => value === 0), `${values}: ${where}`);
}

test("s3: parameters move by no more than the sum of the learning rates", () => {
  // Powers of two below 1 as learning rates, so that float64 sums them with next to no rounding.
  const size = { steps: 60, columns: 4 };
  for (const p of orders) {
    for (const b of decays) {
      const rates = fc.array(fc.integer({ min: -12, max: 0 }).map((k) => 2 ** k), {
        minLength: size.steps,
        maxLength: size.steps,
      });
      fc.assert(
        fc.property(streams(finiteFloat32, size), rates, (gradients, learningRates) => {
          const table = tensor(learningRates, { dtype: "float64" });
          // A traced scalar as learning rate: the step is compiled once.
          const step = jit((theta: Tensor, g: Tensor, state: State, lr: Tensor) => {
            const [updates, next] = s3({ learningRate: lr, b, p }).update(g, state);
            return [applyUpdates(theta, updates), next] as const;
          });
          const start = tensor([0, 1, -3, 0.1], { dtype: "float64" });
          let theta: Tensor = start;
          let state: State = s3({ learningRate: 1, b, p }).init(theta);
          let allowed = 0;
          const rate = table.dataSync();
          gradients.forEach((row, t) => {
            const lr = tensor(rate[t]!, { dtype: "float64" });
            [theta, state] = step(theta, tensor(row, { dtype: "float64" }), state, lr);
            allowed += rate[t]!;
            const moved = start.sub(theta).toArray() as number[];
            for (const distance of moved) {
              assert.ok(
                Math.abs(distance) <= allowed + 1e-12,
                `b=${b} p=${p}: ${distance} > ${allowed}`,
              );
            }
          });
        }),
        { numRuns: 2 },
      );
    }
  }
});

type State = ReturnType<typeof initialState>;
const initialState = (params: Tensor) => s3({ learningRate: 1 }).init(params);

test("s3: the largest gradients in a row attain the cumulative bound", () => {
  const gradients = Array.from({ length: 300 }, () => [1e20, -1e-20]);
  const optimizer = s3({ learningRate: 0.5, b: 0, p: 3 });
  let theta = tensor([0, 0]);
  let state = optimizer.init(theta);
  for (const row of gradients) {
    const [updates, next] = optimizer.update(tensor(row), state);
    theta = applyUpdates(theta, updates);
    state = next;
  }
  assert.deepEqual(theta.toArray(), [-150, 150]);
});

test("s3 properties: the moderate numbers are float32 and cover their range", () => {
  const sample = fc.sample(moderateFloat32(20), 500);
  assert.ok(sample.every((x) => Math.fround(x) === x && Math.abs(x) < 2 ** 20));
  assert.ok(sample.some((x) => x !== 0 && Math.abs(x) < 2 ** -10));
});
