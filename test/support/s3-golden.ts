import assert from "node:assert/strict";
import test from "node:test";
import {
  applyUpdates,
  deviceGet,
  jit,
  s3,
  scope,
  type Tensor,
  tensor,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { readGolden } from "./golden.ts";
import {
  assertClose,
  decaysOn,
  forEachPlace,
  type Machine,
  place,
  runS3,
  tolerances,
} from "./run-s3.ts";
import type { S3Case } from "./s3-oracle.ts";

interface Updates extends S3Case {
  readonly u: readonly (readonly number[])[];
}

interface Leaves {
  readonly layer: { readonly kernel: readonly (readonly number[])[] };
  readonly bias: readonly number[];
}

interface Golden {
  readonly gradients: readonly (readonly number[])[];
  readonly updates: readonly Updates[];
  readonly extremeGradients: readonly (readonly number[])[];
  readonly extremeUpdates: readonly Updates[];
  readonly trajectory: {
    readonly params: Leaves;
    readonly decays: { readonly layer: { readonly kernel: boolean }; readonly bias: boolean };
    readonly weightDecay: number;
    readonly schedule: { init: number; peak: number; warmup: number; total: number; end: number };
    readonly learningRates: readonly number[];
    readonly gradients: readonly Leaves[];
  };
  readonly trajectories: readonly (S3Case & { readonly params: readonly Leaves[] })[];
}

const golden = readGolden<Golden>("s3.json");
const { params: start, decays, weightDecay, schedule, gradients } = golden.trajectory;
const learningRate = warmupCosineDecaySchedule({
  initValue: schedule.init,
  peakValue: schedule.peak,
  warmupSteps: schedule.warmup,
  decaySteps: schedule.total,
  endValue: schedule.end,
});

/** scaleByS3 and s3 against the naive equations in float64 numpy (test/golden/s3.py). */
export function testGolden(machine: Machine): void {
  const { name, device, dtype, skip } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 golden ${name}: ${title}`, { skip }, body);

  async function checkUpdates(
    gradients: Golden["gradients"],
    cases: readonly Updates[],
  ): Promise<void> {
    for (const { u, ...testCase } of cases) {
      const steps = await runS3(machine, testCase, gradients);
      assert.equal(steps.length, u.length);
      forEachPlace(steps, (t, i) => {
        const where = place(testCase, machine, gradients, t, i);
        assertClose(steps[t]!.u[i]!, u[t]![i]!, tolerances[dtype], where);
      });
    }
  }

  const tensors = ({ layer, bias }: Leaves): Params => ({
    layer: { kernel: tensor(layer.kernel, { dtype, device }) },
    bias: tensor(bias, { dtype, device }),
  });

  property(`${golden.updates.length} streams of updates`, async () => {
    assert.ok(golden.updates.length >= 84);
    const decays = decaysOn(machine);
    await checkUpdates(golden.gradients, golden.updates.filter(({ b }) => decays.includes(b)));
  });

  property("trajectories with a schedule and masked weight decay", async () => {
    for (const { params: expected, b, p, nesterov } of golden.trajectories) {
      const optimizer = s3({ learningRate, b, p, nesterov, weightDecay, mask: decays });
      const iterates = await scope(() => {
        let params = tensors(start);
        let state = optimizer.init(params);
        const step = jit((params: Params, g: Params, s: typeof state) => {
          const [updates, next] = optimizer.update(g, s, params);
          return [applyUpdates(params, updates), next] as const;
        });
        return deviceGet(gradients.map((g) => {
          [params, state] = step(params, tensors(g), state);
          return params;
        }));
      });
      iterates.forEach(({ layer, bias }, t) => {
        const wanted = [...expected[t]!.layer.kernel.flat(), ...expected[t]!.bias];
        [...layer.kernel, ...bias].forEach((value, i) => {
          assertClose(
            value,
            wanted[i]!,
            tolerances[dtype],
            () => `b=${b} p=${p} step ${t + 1}, ${i}`,
          );
        });
      });
    }
  });

  property("the schedule gives numpy's learning rates", async () => {
    const { learningRates } = golden.trajectory;
    const counts = tensor(learningRates.map((_, count) => count), { dtype, device });
    const [actual] = await deviceGet([learningRate(counts)]);
    const peak = Math.max(...learningRates);
    learningRates.forEach((expected, count) => {
      const tolerance = dtype === "float64" ? 1e-15 : 1e-6 * peak;
      assertClose(actual![count]!, expected, tolerance, () => `step ${count}`);
    });
  });

  // float32 keeps no subnormal momentum, which these have.
  if (dtype === "float64") {
    property("the ends of float32's range", async () => {
      await checkUpdates(golden.extremeGradients, golden.extremeUpdates);
    });
  }
}

type Params = { layer: { kernel: Tensor }; bias: Tensor };
