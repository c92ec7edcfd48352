// sgd, adam, adamw, signSgd and clipping against optax (test/golden/optax_optimizers.py).
import assert from "node:assert/strict";
import test from "node:test";
import {
  adam,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  globalNorm,
  type GradientTransformation,
  jit,
  type LearningRate,
  matmul,
  sgd,
  signSgd,
  type Tensor,
  tensor,
  warmupCosineDecaySchedule,
} from "../mod.ts";
import { readGolden } from "./support/golden.ts";
import type { FloatDType } from "./support/run-s3.ts";

interface Leaves {
  readonly a: readonly number[];
  readonly b: { readonly c: readonly (readonly number[])[] };
}

interface Options {
  readonly learningRate: number | "schedule";
  readonly maxNorm?: number;
  readonly mask?: { readonly a: boolean; readonly b: { readonly c: boolean } };
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly b1?: number;
  readonly b2?: number;
  readonly eps?: number;
  readonly epsRoot?: number;
  readonly weightDecay?: number;
}

interface Run<Params> {
  readonly optimizer: string;
  readonly options: Options;
  readonly params: readonly Params[];
}

interface Golden {
  readonly params: Leaves;
  readonly gradients: readonly Leaves[];
  readonly globalNorms: readonly number[];
  readonly schedule: Readonly<
    Record<"init_value" | "peak_value" | "warmup_steps" | "decay_steps" | "end_value", number>
  >;
  readonly float64: readonly Run<Leaves>[];
  readonly float32: readonly Run<Leaves>[];
  readonly quadratic: {
    readonly A: readonly (readonly number[])[];
    readonly c: readonly number[];
    readonly x: readonly number[];
  };
  readonly quadraticFloat64: readonly Run<readonly number[]>[];
}

const golden = readGolden<Golden>("optax.json");

const schedule = warmupCosineDecaySchedule({
  initValue: golden.schedule.init_value,
  peakValue: golden.schedule.peak_value,
  warmupSteps: golden.schedule.warmup_steps,
  decaySteps: golden.schedule.decay_steps,
  endValue: golden.schedule.end_value,
});

/** The optimizer of a golden run. */
function make(
  name: string,
  { learningRate: rate, maxNorm, ...rest }: Options,
): GradientTransformation {
  const learningRate: LearningRate = rate === "schedule" ? schedule : rate;
  const options = { learningRate, ...rest };
  switch (name) {
    case "sgd":
      return sgd(options);
    case "adam":
      return adam(options);
    case "adamw":
      return adamw(options);
    case "signSgd":
      return signSgd(options);
    default: {
      const [clip, inner] = name.split("+");
      assert.equal(clip, "clipByGlobalNorm", name);
      return chain(clipByGlobalNorm(maxNorm!), make(inner!, { learningRate: rate, ...rest }));
    }
  }
}

type Params = { a: Tensor; b: { c: Tensor } };

function tensors({ a, b }: Leaves, dtype: FloatDType): Params {
  return { a: tensor(a, { dtype }), b: { c: tensor(b.c, { dtype }) } };
}

const flat = ({ a, b }: Leaves): number[] => [...a, ...b.c.flat()];

function assertAllClose(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: number,
  where: string,
): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((x, i) => {
    const theta = expected[i]!;
    const close = Math.abs(x - theta) <= tolerance * Math.max(1, Math.abs(theta));
    assert.ok(close, `${where}: ${x}, expected ${theta}`);
  });
}

function checkRuns(runs: readonly Run<Leaves>[], dtype: FloatDType, near: number): void {
  for (const { optimizer: name, options, params: expected } of runs) {
    // optax computes a schedule of an int32 count in float32, even where JAX is in 64-bit mode.
    const tolerance = options.learningRate === "schedule" ? Math.max(near, 1e-7) : near;
    const optimizer = make(name, options);
    let params = tensors(golden.params, dtype);
    let state = optimizer.init(params);
    const step = jit((params: Params, g: Params, s: typeof state) => {
      const [updates, next] = optimizer.update(g, s, params);
      return [applyUpdates(params, updates), next] as const;
    });
    expected.forEach((wanted, t) => {
      [params, state] = step(params, tensors(golden.gradients[t]!, dtype), state);
      const actual = [...params.a.dataSync(), ...params.b.c.dataSync()];
      const where = `${name} ${JSON.stringify(options)} ${dtype} step ${t + 1}`;
      assertAllClose(actual, flat(wanted), tolerance, where);
    });
  }
}

test(`optim golden: ${golden.float64.length} optimizers over 20 steps, float64`, () => {
  assert.ok(golden.float64.length >= 13);
  checkRuns(golden.float64, "float64", 1e-12);
});

test(`optim golden: ${golden.float32.length} optimizers over 20 steps, float32`, () => {
  assert.ok(golden.float32.length >= 5);
  checkRuns(golden.float32, "float32", 1e-6);
});

test("optim golden: optimizers on the gradients of a quadratic", () => {
  const { A, c, x: start } = golden.quadratic;
  const [matrix, shift] = [tensor(A, { dtype: "float64" }), tensor(c, { dtype: "float64" })];
  assert.ok(golden.quadraticFloat64.length >= 3);
  for (const { optimizer: name, options, params: expected } of golden.quadraticFloat64) {
    const optimizer = make(name, options);
    let x: Tensor = tensor(start, { dtype: "float64" });
    let state = optimizer.init(x);
    expected.forEach((wanted, t) => {
      const [updates, next] = optimizer.update(matmul(matrix, x).sub(shift), state, x);
      [x, state] = [applyUpdates(x, updates), next];
      assertAllClose(
        [...x.dataSync()],
        wanted,
        1e-11,
        `${name} ${JSON.stringify(options)} step ${t + 1}`,
      );
    });
  }
});

test("optim golden: global norms", () => {
  golden.gradients.forEach((g, t) => {
    assertAllClose(
      [globalNorm(tensors(g, "float64")).item()],
      [golden.globalNorms[t]!],
      1e-14,
      `norm ${t}`,
    );
  });
});
