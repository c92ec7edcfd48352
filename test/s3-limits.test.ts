// Property 4: what S3 becomes for special b and p; and the two extremes together, against an oracle.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { scaleByAdam, tensor } from "../mod.ts";
import {
  finiteFloat32,
  largestFloat32,
  moderateFloat32,
  type Streams,
  streams,
} from "./support/gradient-streams.ts";
import {
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
import { type S3Case, s3Oracle } from "./support/s3-oracle.ts";

const dtypes: readonly FloatDType[] = ["float32", "float64"];

/** Compares every update with the log-space oracle. */
function checkOracle(
  testCase: S3Case,
  gradients: Streams,
  dtype: FloatDType,
  tolerance: number,
): void {
  const steps = runS3(testCase, gradients, dtype);
  const oracles = gradients[0]!.map(() => s3Oracle(testCase));
  forEachPlace(steps, (t, i) => {
    const expected = oracles[i]!(gradients[t]![i]!);
    assertClose(steps[t]!.u[i]!, expected, tolerance, place(testCase, dtype, gradients, t, i));
  });
}

for (const dtype of dtypes) {
  for (const nesterov of [true, false]) {
    const form = nesterov ? "with Nesterov" : "without Nesterov";

    test(`s3: agrees with the naive equations in logarithms, ${dtype} ${form}`, () => {
      // float32 keeps no subnormal momentum, so its numbers stay away from there.
      const value = dtype === "float32" ? moderateFloat32(40) : finiteFloat32;
      checkEveryCase(
        { dtype, nesterov, value, steps: 100, columns: 8, runs: 3 },
        (testCase, gradients) => {
          checkOracle(testCase, gradients, dtype, dtype === "float32" ? 2e-5 : 1e-11);
        },
      );
    });

    test(`s3: tiny b and large p together, ${dtype} ${form}`, () => {
      for (const b of [1e-3, 1e-10, 1e-20, 1e-30, 1e-40, 1e-100, 5e-324]) {
        for (const p of [2, 3, 8, 100, Infinity]) {
          fc.assert(
            fc.property(streams(moderateFloat32(60), { steps: 40, columns: 8 }), (gradients) => {
              checkOracle({ b, p, nesterov }, gradients, dtype, dtype === "float32" ? 2e-5 : 1e-11);
            }),
            { numRuns: 5 },
          );
        }
      }
    });
  }

  test(`s3: tiny b and small p together, ${dtype}`, () => {
    // Smaller ones leave the range of float32: b^2 m itself is the update's numerator where g = 0.
    for (const b of [1e-2, 1e-5, 1e-10]) {
      for (const p of [1, 1.5]) {
        fc.assert(
          fc.property(streams(moderateFloat32(16), { steps: 3, columns: 8 }), (gradients) => {
            const tolerance = dtype === "float32" ? 2e-5 : 1e-11;
            checkOracle({ b, p, nesterov: true }, gradients, dtype, tolerance);
          }),
          { numRuns: 20 },
        );
      }
    }
  });

  test(`s3: b = 0 is the sign of the gradient, whatever came before, ${dtype}`, () => {
    const tiny = 2 ** -149;
    const fixed = [
      [largestFloat32, tiny, -1, 0, 1e30, -tiny],
      [tiny, -largestFloat32, 0, tiny, -1e-30, largestFloat32],
      [-tiny, 0, -tiny, -largestFloat32, 1e-40, 0],
    ];
    const checkSigns = (testCase: S3Case, gradients: Streams) => {
      const steps = runS3(testCase, gradients, dtype);
      forEachPlace(steps, (t, i) => {
        const expected = Math.sign(gradients[t]![i]!);
        assertClose(steps[t]!.u[i]!, expected, 0, place(testCase, dtype, gradients, t, i));
      });
    };
    for (const p of orders) {
      for (const nesterov of [true, false]) {
        checkSigns({ b: 0, p, nesterov }, fixed);
        fc.assert(
          fc.property(streams(finiteFloat32, { steps: 20, columns: 8 }), (gradients) => {
            checkSigns({ b: 0, p, nesterov }, gradients);
          }),
          { numRuns: 5 },
        );
      }
    }
  });

  test(`s3: p = Infinity divides by the largest gradient so far, ${dtype}`, () => {
    for (const b of decays.filter((decay) => decay > 0)) {
      const testCase = { b, p: Infinity, nesterov: true };
      fc.assert(
        fc.property(streams(moderateFloat32(20), { steps: 100, columns: 8 }), (gradients) => {
          const steps = runS3(testCase, gradients, dtype);
          for (let i = 0; i < 8; i++) {
            let m = 0;
            let largest = 0;
            steps.forEach(({ u, r }, t) => {
              const g = gradients[t]![i]!;
              m = b * m + (1 - b) * g;
              largest = Math.max(largest, Math.abs(g));
              const where = place(testCase, dtype, gradients, t, i);
              const n = b * m + (1 - b) * g;
              assertClose(u[i]!, largest === 0 ? 0 : n / largest, tolerances[dtype], where);
              assertClose(r[i]!, largest, 0, where);
            });
          }
        }),
        { numRuns: 5 },
      );
    }
  });
}

test("s3: the difference between a large p and p = Infinity shrinks as 1 / p", () => {
  const gradients = [[1, -3], [0.5, 2], [-2, 1e-3], [1e-3, 0], [4, 5], [3, 5]];
  const limit = runS3({ b: 0.9, p: Infinity }, gradients, "float64");
  for (const p of [1e3, 1e6, 1e12, 1e300]) {
    const steps = runS3({ b: 0.9, p }, gradients, "float64");
    forEachPlace(steps, (t, i) => {
      assertClose(steps[t]!.u[i]!, limit[t]!.u[i]!, 4 / p + 1e-12, () => `p=${p} step ${t + 1}`);
    });
  }
});

test("s3: p = 2 is Adam with equal betas and Nesterov above and below, without bias correction", () => {
  for (const b of decays) {
    const testCase = { b, p: 2, nesterov: true };
    fc.assert(
      fc.property(streams(moderateFloat32(20), { steps: 60, columns: 8 }), (gradients) => {
        const steps = runS3(testCase, gradients, "float64");
        const adam = scaleByAdam({ b1: b, b2: b });
        let state = adam.init(tensor(new Float64Array(8)));
        gradients.forEach((row, t) => {
          state = adam.update(tensor(row, { dtype: "float64" }), state)[1];
          const mu = state.mu.dataSync();
          const nu = state.nu.dataSync();
          row.forEach((g, i) => {
            const d = Math.sqrt(b * nu[i]! + (1 - b) * g * g);
            const expected = d === 0 ? 0 : (b * mu[i]! + (1 - b) * g) / d;
            assertClose(
              steps[t]!.u[i]!,
              expected,
              1e-12,
              place(testCase, "float64", gradients, t, i),
            );
          });
        });
      }),
      { numRuns: 3 },
    );
  }
});

test("s3: |u| does not grow with p", () => {
  for (const nesterov of [true, false]) {
    for (const b of decays) {
      fc.assert(
        fc.property(streams(finiteFloat32, { steps: 60, columns: 8 }), (gradients) => {
          const runs = orders.map((p) => runS3({ b, p, nesterov }, gradients, "float64"));
          runs.slice(1).forEach((steps, k) => {
            const p = orders[k + 1]!;
            forEachPlace(steps, (t, i) => {
              const smaller = Math.abs(steps[t]!.u[i]!);
              const larger = Math.abs(runs[k]![t]!.u[i]!);
              if (smaller > larger + 1e-12) {
                const where = place({ b, p, nesterov }, "float64", gradients, t, i)();
                assert.fail(`${smaller} > ${larger} for p=${orders[k]}: ${where}`);
              }
            });
          });
        }),
        { numRuns: 3 },
      );
    }
  }
});

test("s3: any real order has an update, and it lies between those of its neighbours", () => {
  const gradients = [[1, -3], [0.5, 2], [-2, 1e-3], [1e-3, 0], [4, 5], [3, 5]];
  const sizes = [1, 1 + 2 ** -40, 1.25, 2.5, Math.PI, 7, 31.7].map((p) => {
    checkOracle({ b: 0.95, p, nesterov: true }, gradients, "float64", 1e-12);
    const { u } = runS3({ b: 0.95, p }, gradients, "float64").at(-1)!;
    return Math.abs(u[0]!);
  });
  assert.deepEqual(sizes, [...sizes].sort((x, y) => y - x));
});
