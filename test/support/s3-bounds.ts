import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  applyUpdates,
  deviceGet,
  jit,
  s3,
  scope,
  type Tensor,
  tensor,
  type TypedArray,
} from "../../mod.ts";
import {
  finiteFloat32,
  finiteFloat64,
  largestFloat32,
  type Streams,
  streams,
} from "./gradient-streams.ts";
import {
  allCases,
  assertClose,
  checkEveryCase,
  checkStreams,
  decaysOn,
  forEachPlace,
  type Machine,
  orders,
  place,
  runS3,
  runsOn,
  type S3Step,
  tolerances,
} from "./run-s3.ts";
import { type S3Case, tightBound } from "./s3-oracle.ts";

/** |u| <= 1, 0 <= r <= max(r before, |g|), and all is finite. */
function assertBounds(
  machine: Machine,
  testCase: S3Case,
  gradients: Streams,
  steps: readonly S3Step[],
): void {
  forEachPlace(steps, (t, i) => {
    const { u, m, r } = steps[t]!;
    const before = t === 0 || testCase.b === 0 ? 0 : steps[t - 1]!.r[i]!;
    const largest = Math.max(before, Math.abs(gradients[t]![i]!));
    if (Math.abs(u[i]!) <= 1 && Number.isFinite(m[i]) && r[i]! >= 0 && r[i]! <= largest) return;
    assert.fail(`u ${u[i]} m ${m[i]} r ${r[i]}: ${place(testCase, machine, gradients, t, i)()}`);
  });
}

/** Every power of two of float32. */
const powers = Array.from({ length: 277 }, (_, k) => 2 ** (k - 149));

/** Properties 1 and 2: how large updates and states can be. */
export function testBounds(machine: Machine): void {
  const { name, device, dtype, skip, isGpu } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 ${name}: ${title}`, { skip }, body);

  /** What the update may be beside the expected one: a GPU may take a subnormal gradient for 0. */
  const isFlushed = (u: number, g: number) => isGpu && u === 0 && Math.abs(g) < 2 ** -126;

  for (const nesterov of [true, false]) {
    const form = nesterov ? "with Nesterov" : "without Nesterov";

    property(`|u| <= 1 exactly, and all is finite, for every finite stream ${form}`, async () => {
      await checkEveryCase(machine, { nesterov, steps: 200 }, async (testCase, gradients) => {
        assertBounds(machine, testCase, gradients, await runS3(machine, testCase, gradients));
      });
    });

    property(`|u_t| stays within its bound at step t for every finite stream ${form}`, async () => {
      const steps = isGpu ? 60 : 200;
      await checkEveryCase(machine, { nesterov, steps, runs: 3 }, async (testCase, gradients) => {
        const steps = await runS3(machine, testCase, gradients);
        forEachPlace(steps, (t, i) => {
          const u = Math.abs(steps[t]!.u[i]!);
          const bound = tightBound(testCase, t + 1) + tolerances[dtype];
          if (!(u <= bound)) {
            assert.fail(`${u} > ${bound}: ${place(testCase, machine, gradients, t, i)()}`);
          }
        });
      });
    });

    property(`equal gradients attain the bound at every step ${form}`, async () => {
      const row = [2 ** -100, -3e-20, -0.7, 1, 1e5, -1e30, 2 ** 127];
      const gradients = Array.from({ length: isGpu ? 100 : 400 }, () => row);
      for (const testCase of allCases(machine, nesterov)) {
        const steps = await runS3(machine, testCase, gradients);
        forEachPlace(steps, (t, i) => {
          const expected = Math.sign(row[i]!) * tightBound(testCase, t + 1);
          const where = place(testCase, machine, gradients, t, i);
          assertClose(steps[t]!.u[i]!, expected, tolerances[dtype], where);
        });
      }
    });
  }

  property("the first update is (1 - b^2)^(1 - 1/p) for any gradient but 0", async () => {
    const row = [
      ...powers,
      ...powers.map((g) => -1.9999 * g).filter((g) => -g < 2 ** 128),
      largestFloat32,
    ]
      .map(Math.fround);
    for (const testCase of allCases(machine, true)) {
      const { b, p } = testCase;
      const check = async (gradients: readonly number[]): Promise<void> => {
        const [first] = await runS3(machine, testCase, [gradients]);
        gradients.forEach((g, i) => {
          const u = first!.u[i]!;
          if (isFlushed(u, g)) return;
          const expected = Math.sign(g) * (1 - b * b) ** (1 - 1 / p);
          assertClose(
            u,
            expected,
            tolerances[dtype],
            place(testCase, machine, [gradients], 0, i),
          );
        });
      };
      await check(row);
      await checkStreams(machine, finiteFloat32, { steps: 1, columns: 64 }, ([g]) => check(g!));
    }
  });

  property("the first update with the defaults is 0.2118, a built-in warm-up", async () => {
    const [first] = await runS3(machine, {}, [[2 ** -126, -5, 2 ** 127]]);
    assert.deepEqual(Array.from(first!.u, (x) => x.toFixed(4)), ["0.2118", "-0.2118", "0.2118"]);
  });

  property(
    "every float32 from 2^-149 to the largest number keeps state and update finite",
    async () => {
      // Every power of two at once, its sign and size changing over the steps.
      const n = powers.length;
      const gradients = Array.from({ length: isGpu ? 60 : 300 }, (_, t) => [
        ...powers.map((g, i) => (i + t) % 3 === 0 ? -g : g),
        ...powers.map((_, i) => powers[(i * 7 + t * 31) % n]!),
        t % 5 === 0 ? -largestFloat32 : largestFloat32,
      ]);
      for (const testCase of allCases(machine, true)) {
        assertBounds(machine, testCase, gradients, await runS3(machine, testCase, gradients));
      }
    },
  );

  property("the bounds of u and r hold exactly for any b and any real p", async () => {
    const cases = fc.record({
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
    const value = dtype === "float32" ? finiteFloat32 : finiteFloat64;
    const gradients = streams(value, { steps: 40, columns: isGpu ? 64 : 8 });
    await fc.assert(
      fc.asyncProperty(cases, gradients, async (testCase, gradients) => {
        assertBounds(machine, testCase, gradients, await runS3(machine, testCase, gradients));
      }),
      runsOn(isGpu, 200, 12),
    );
  });

  property("a coordinate without gradients comes to rest, and stays there", async () => {
    // b m rounds to m among the smallest numbers, while r goes on: u must not grow out of that.
    for (const b of isGpu ? [0.5, 0.9] : [0.5, 0.9, 0.95]) {
      for (const p of isGpu ? [1, 3] : [1, 3, 8]) {
        const logOfSmallest = dtype === "float32" ? 100 : 750;
        const steps = Math.ceil((logOfSmallest * p) / -Math.log(b));
        const gradients = Array.from(
          { length: steps },
          (_, t) => t < 3 ? [1, -1e-3, 1e-30] : [0, 0, 0],
        );
        const { u, m } = (await runS3(machine, { b, p }, gradients)).at(-1)!;
        const last = [...Array.from(u), ...Array.from(m)];
        assert.ok(last.every((value) => value === 0), `${last}: b=${b} p=${p}`);
      }
    }
  });

  property("parameters move by no more than the sum of the learning rates", async () => {
    // Powers of two below 1 as learning rates, so that their sum is exact, and sums of updates are nearly so.
    const steps = isGpu ? 30 : 60;
    const tolerance = dtype === "float64" ? 1e-12 : steps * 2 ** -23 * 2 ** 6;
    const rates = fc.sample(fc.integer({ min: -12, max: 0 }).map((k) => 2 ** k), {
      numRuns: steps,
      seed: 3,
    });
    for (const p of orders) {
      for (const b of decaysOn(machine)) {
        // A traced scalar as learning rate: the step is compiled once.
        const step = jit((theta: Tensor, g: Tensor, state: State, lr: Tensor) => {
          const [updates, next] = s3({ learningRate: lr, b, p }).update(g, state);
          return [applyUpdates(theta, updates), next] as const;
        });
        await checkStreams(
          machine,
          finiteFloat32,
          { steps, columns: 4, runs: 2 },
          async (gradients) => {
            const start = [0, 1, -3, 0.1].map(Math.fround);
            const width = gradients[0]!.length;
            const from = Array.from({ length: width }, (_, i) => start[i % 4]!);
            const iterates = await scope(async () => {
              let theta: Tensor = tensor(from, { dtype, device });
              let state: State = s3({ learningRate: 1, b, p }).init(theta);
              const reads: Promise<TypedArray>[] = [];
              gradients.forEach((row, t) => {
                const lr = tensor(rates[t]!, { dtype, device });
                [theta, state] = step(theta, tensor(row, { dtype, device }), state, lr);
                reads.push(theta.data());
              });
              return await Promise.all(reads);
            });
            let allowed = 0;
            iterates.forEach((theta, t) => {
              allowed += rates[t]!;
              from.forEach((x, i) => {
                const moved = Math.abs(theta[i]! - x);
                assert.ok(moved <= allowed + tolerance, `b=${b} p=${p}: ${moved} > ${allowed}`);
              });
            });
          },
        );
      }
    }
  });

  property("the largest gradients in a row attain the cumulative bound", async () => {
    const optimizer = s3({ learningRate: 0.5, b: 0, p: 3 });
    const g = tensor([1e20, -1e-20], { dtype, device });
    let theta = tensor([0, 0], { dtype, device });
    let state = optimizer.init(theta);
    for (let t = 0; t < 300; t++) {
      const [updates, next] = optimizer.update(g, state);
      theta = applyUpdates(theta, updates);
      state = next;
    }
    const [moved] = await deviceGet([theta]);
    assert.deepEqual(Array.from(moved!), [-150, 150]);
  });
}

type State = ReturnType<typeof initialState>;
const initialState = (params: Tensor) => s3({ learningRate: 1 }).init(params);
