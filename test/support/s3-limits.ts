import assert from "node:assert/strict";
import test from "node:test";
import { deviceGet, scaleByAdam, scope, tensor, zeros } from "../../mod.ts";
import {
  finiteFloat32,
  largestFloat32,
  moderateFloat32,
  type Streams,
} from "./gradient-streams.ts";
import {
  assertClose,
  checkEveryCase,
  checkStreams,
  decaysOn,
  forEachPlace,
  type Machine,
  orders,
  place,
  runS3,
  type S3Step,
  tolerances,
} from "./run-s3.ts";
import { type S3Case, s3Oracle } from "./s3-oracle.ts";

/** Property 4: what S3 becomes for special b and p; and the two extremes together, against an oracle. */
export function testLimits(machine: Machine): void {
  const { name, device, dtype, skip, isGpu } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 ${name}: ${title}`, { skip }, body);
  const tolerance = dtype === "float32" ? 2e-5 : 1e-11;
  const size = { steps: 60, columns: 8, runs: 3 };

  /** Compares every update with the log-space oracle. */
  async function checkOracle(testCase: S3Case, gradients: Streams): Promise<S3Step[]> {
    const steps = await runS3(machine, testCase, gradients);
    const oracles = gradients[0]!.map(() => s3Oracle(testCase));
    forEachPlace(steps, (t, i) => {
      const expected = oracles[i]!(gradients[t]![i]!);
      assertClose(steps[t]!.u[i]!, expected, tolerance, place(testCase, machine, gradients, t, i));
    });
    return steps;
  }

  for (const nesterov of [true, false]) {
    const form = nesterov ? "with Nesterov" : "without Nesterov";

    property(`agrees with the naive equations in logarithms ${form}`, async () => {
      // float32 keeps no subnormal momentum, so its numbers stay away from there.
      const value = dtype === "float32" ? moderateFloat32(40) : finiteFloat32;
      const steps = isGpu ? 60 : 100;
      await checkEveryCase(
        machine,
        { ...size, nesterov, value, steps },
        async (testCase, gradients) => {
          await checkOracle(testCase, gradients);
        },
      );
    });

    property(`tiny b and large p together, ${form}`, async () => {
      const tiny = isGpu
        ? [1e-3, 1e-20, 1e-40]
        : [1e-3, 1e-10, 1e-20, 1e-30, 1e-40, 1e-100, 5e-324];
      for (const b of tiny) {
        for (const p of isGpu ? [3, 100, Infinity] : [2, 3, 8, 100, Infinity]) {
          const sized = { steps: 40, columns: 8, runs: 5 };
          await checkStreams(machine, moderateFloat32(60), sized, async (gradients) => {
            await checkOracle({ b, p, nesterov }, gradients);
          });
        }
      }
    });
  }

  property("tiny b and small p together", async () => {
    // Smaller ones leave the range of float32: b^2 m itself is the update's numerator where g = 0.
    for (const b of [1e-2, 1e-5, 1e-10]) {
      for (const p of [1, 1.5]) {
        const sized = { steps: 3, columns: 8, runs: 20 };
        await checkStreams(machine, moderateFloat32(16), sized, async (gradients) => {
          await checkOracle({ b, p, nesterov: true }, gradients);
        });
      }
    }
  });

  // GPUs may take subnormal gradients for 0.
  property("b = 0 is the sign of the gradient, whatever came before", async () => {
    const tiny = 2 ** -149;
    const fixed = [
      [largestFloat32, tiny, -1, 0, 1e30, -tiny],
      [tiny, -largestFloat32, 0, tiny, -1e-30, largestFloat32],
      [-tiny, 0, -tiny, -largestFloat32, 1e-40, 0],
    ];
    const checkSigns = async (testCase: S3Case, gradients: Streams) => {
      const steps = await runS3(machine, testCase, gradients);
      forEachPlace(steps, (t, i) => {
        const g = gradients[t]![i]!;
        const u = steps[t]!.u[i]!;
        if (isGpu && u === 0 && Math.abs(g) < 2 ** -126) return;
        assertClose(u, Math.sign(g), 0, place(testCase, machine, gradients, t, i));
      });
    };
    for (const p of orders) {
      for (const nesterov of [true, false]) {
        const testCase = { b: 0, p, nesterov };
        await checkSigns(testCase, fixed);
        const sized = { steps: 20, columns: 8 };
        await checkStreams(machine, finiteFloat32, sized, (g) => checkSigns(testCase, g));
      }
    }
  });

  property("p = Infinity divides by the largest gradient so far", async () => {
    for (const b of decaysOn(machine).filter((decay) => decay > 0)) {
      const testCase = { b, p: Infinity, nesterov: true };
      await checkStreams(machine, moderateFloat32(20), size, async (gradients) => {
        const steps = await runS3(machine, testCase, gradients);
        gradients[0]!.forEach((_, i) => {
          let m = 0;
          let largest = 0;
          steps.forEach(({ u, r }, t) => {
            const g = gradients[t]![i]!;
            m = b * m + (1 - b) * g;
            largest = Math.max(largest, Math.abs(g));
            const where = place(testCase, machine, gradients, t, i);
            const n = b * m + (1 - b) * g;
            assertClose(u[i]!, largest === 0 ? 0 : n / largest, tolerances[dtype], where);
            assertClose(r[i]!, largest, 0, where);
          });
        });
      });
    }
  });

  property("the difference between a large p and p = Infinity shrinks as 1 / p", async () => {
    const gradients = [[1, -3], [0.5, 2], [-2, 1e-3], [1e-3, 0], [4, 5], [3, 5]];
    const limit = await runS3(machine, { b: 0.9, p: Infinity }, gradients);
    for (const p of [1e3, 1e6, 1e12, 1e300]) {
      const steps = await runS3(machine, { b: 0.9, p }, gradients);
      forEachPlace(steps, (t, i) => {
        const allowed = 4 / p + tolerances[dtype];
        assertClose(steps[t]!.u[i]!, limit[t]!.u[i]!, allowed, () => `p=${p} step ${t + 1}`);
      });
    }
  });

  property("p = 2 is Adam with equal betas and Nesterov above and below, uncorrected", async () => {
    for (const b of decaysOn(machine)) {
      const testCase = { b, p: 2, nesterov: true };
      await checkStreams(machine, moderateFloat32(20), size, async (gradients) => {
        const steps = await runS3(machine, testCase, gradients);
        const adam = scaleByAdam({ b1: b, b2: b });
        const states = await scope(async () => {
          let state = adam.init(zeros([gradients[0]!.length], { dtype, device }));
          return await deviceGet(gradients.map((row) => {
            state = adam.update(tensor(row, { dtype, device }), state)[1];
            return [state.mu, state.nu] as const;
          }));
        });
        gradients.forEach((row, t) => {
          const [mu, nu] = states[t]!;
          row.forEach((g, i) => {
            const d = Math.sqrt(b * nu![i]! + (1 - b) * g * g);
            const expected = d === 0 ? 0 : (b * mu![i]! + (1 - b) * g) / d;
            const where = place(testCase, machine, gradients, t, i);
            assertClose(steps[t]!.u[i]!, expected, tolerances[dtype], where);
          });
        });
      });
    }
  });

  property("|u| does not grow with p", async () => {
    for (const nesterov of [true, false]) {
      for (const b of decaysOn(machine)) {
        // The r of subnormal gradients has few bits in float32.
        const value = dtype === "float32" ? moderateFloat32(40) : finiteFloat32;
        await checkStreams(machine, value, size, async (gradients) => {
          const runs: S3Step[][] = [];
          for (const p of orders) runs.push(await runS3(machine, { b, p, nesterov }, gradients));
          runs.slice(1).forEach((steps, k) => {
            const p = orders[k + 1]!;
            forEachPlace(steps, (t, i) => {
              const smaller = Math.abs(steps[t]!.u[i]!);
              const larger = Math.abs(runs[k]![t]!.u[i]!);
              if (smaller <= larger + tolerances[dtype]) return;
              const where = place({ b, p, nesterov }, machine, gradients, t, i)();
              assert.fail(`${smaller} > ${larger} for p=${orders[k]}: ${where}`);
            });
          });
        });
      }
    }
  });

  property(
    "any real order has an update, and it lies between those of its neighbours",
    async () => {
      const gradients = [[1, -3], [0.5, 2], [-2, 1e-3], [1e-3, 0], [4, 5], [3, 5]];
      const sizes: number[] = [];
      const close = dtype === "float64" ? [1 + 2 ** -40] : [];
      for (const p of [1, ...close, 1.25, 2.5, Math.PI, 7, 31.7]) {
        const steps = await checkOracle({ b: 0.95, p, nesterov: true }, gradients);
        sizes.push(Math.abs(steps.at(-1)!.u[0]!));
      }
      assert.deepEqual(sizes, sizes.toSorted((x, y) => y - x));
    },
  );
}
