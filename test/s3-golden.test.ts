// scaleByS3 and s3 against the naive equations in float64 numpy (test/golden/s3.py).
import assert from "node:assert/strict";
import test from "node:test";
import { applyUpdates, jit, s3, type Tensor, tensor, warmupCosineDecaySchedule } from "../mod.ts";
import { readGolden } from "./support/golden.ts";
import {
  assertClose,
  type FloatDType,
  forEachPlace,
  place,
  runS3,
  tolerances,
} from "./support/run-s3.ts";
import type { S3Case } from "./support/s3-oracle.ts";

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
const dtypes: readonly FloatDType[] = ["float32", "float64"];

function checkUpdates(
  gradients: Golden["gradients"],
  cases: readonly Updates[],
  dtype: FloatDType,
): void {
  for (const { u, ...testCase } of cases) {
    const steps = runS3(testCase, gradients, dtype);
    assert.equal(steps.length, u.length);
    forEachPlace(steps, (t, i) => {
      const where = place(testCase, dtype, gradients, t, i);
      assertClose(steps[t]!.u[i]!, u[t]![i]!, tolerances[dtype], where);
    });
  }
}

for (const dtype of dtypes) {
  test(`s3 golden: ${golden.updates.length} streams of updates, ${dtype}`, () => {
    assert.ok(golden.updates.length >= 84);
    checkUpdates(golden.gradients, golden.updates, dtype);
  });

  test(`s3 golden: trajectories with a schedule and masked weight decay, ${dtype}`, () => {
    const { params: start, decays, weightDecay, schedule, gradients } = golden.trajectory;
    const learningRate = warmupCosineDecaySchedule({
      initValue: schedule.init,
      peakValue: schedule.peak,
      warmupSteps: schedule.warmup,
      decaySteps: schedule.total,
      endValue: schedule.end,
    });
    for (const { params: expected, b, p, nesterov } of golden.trajectories) {
      const optimizer = s3({ learningRate, b, p, nesterov, weightDecay, mask: decays });
      let params = tensors(start, dtype);
      let state = optimizer.init(params);
      const step = jit((params: Params, g: Params, s: typeof state) => {
        const [updates, next] = optimizer.update(g, s, params);
        return [applyUpdates(params, updates), next] as const;
      });
      gradients.forEach((g, t) => {
        [params, state] = step(params, tensors(g, dtype), state);
        const actual = numbers(params);
        const wanted = numbers(tensors(expected[t]!, "float64"));
        actual.forEach((value, i) => {
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
}

test("s3 golden: the ends of float32's range, float64", () => {
  checkUpdates(golden.extremeGradients, golden.extremeUpdates, "float64");
});

test("s3 golden: the schedule gives numpy's learning rates", () => {
  const { schedule, learningRates } = golden.trajectory;
  const learningRate = warmupCosineDecaySchedule({
    initValue: schedule.init,
    peakValue: schedule.peak,
    warmupSteps: schedule.warmup,
    decaySteps: schedule.total,
    endValue: schedule.end,
  });
  learningRates.forEach((expected, count) => {
    const actual = learningRate(tensor(count, { dtype: "float64" })).item();
    assertClose(actual, expected, 1e-15, () => `step ${count}`);
  });
});

type Params = { layer: { kernel: Tensor }; bias: Tensor };

function tensors({ layer, bias }: Leaves, dtype: FloatDType): Params {
  return { layer: { kernel: tensor(layer.kernel, { dtype }) }, bias: tensor(bias, { dtype }) };
}

function numbers({ layer, bias }: Params): number[] {
  return [...Array.from(layer.kernel.dataSync()), ...Array.from(bias.dataSync())];
}
