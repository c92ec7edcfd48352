// Optimizers and transformations of gradients on a GPU, over several steps. S3's own properties: test/gpu-s3.test.ts.
import assert from "node:assert/strict";
import test from "node:test";
import {
  adam,
  adamw,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  constantSchedule,
  cosineDecaySchedule,
  deviceGet,
  type DeviceName,
  globalNorm,
  type GradientTransformation,
  identity,
  jit,
  linearSchedule,
  s3,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  scaleByS3,
  scaleBySchedule,
  scaleBySign,
  scope,
  sgd,
  signSgd,
  type StateKind,
  type Tensor,
  tensor,
  trace,
  treeLeaves,
  warmupCosineDecaySchedule,
} from "../mod.ts";
import { gpus, skip } from "./support/gpu-devices.ts";
import { assertClose, generator } from "./support/tensors.ts";

type Params = { head: Tensor; layers: [Tensor, Tensor]; one: Tensor };

const sizes = [7, 12, 40, 1];

/** Parameters or gradients of a step, the same on every device. */
function tree(seed: number, device: DeviceName, size = 1): Params {
  const next = generator(seed);
  const [head, first, second, one] = sizes.map((count) =>
    Float32Array.from({ length: count }, () => size * (2 * next() - 1))
  );
  return {
    head: tensor(head!, { device }),
    layers: [
      tensor(first!, { shape: [3, 4], device }),
      tensor(second!, { shape: [5, 8], device }),
    ],
    one: tensor(one!, { shape: [], device }),
  };
}

const mask = { head: false, layers: [true, true], one: false } as const;
const warmup = warmupCosineDecaySchedule({
  initValue: 0.001,
  peakValue: 0.1,
  warmupSteps: 3,
  decaySteps: 10,
});
const orders = [1, 1.5, 2, 3, 4, Infinity];

const every: Readonly<Record<string, () => GradientTransformation<StateKind>>> = {
  "adam": () => adam({ learningRate: 0.1 }),
  "adam with Nesterov and an epsilon below the root": () =>
    adam({ learningRate: 0.1, nesterov: true, epsRoot: 1e-6 }),
  "adamw": () => adamw({ learningRate: warmup, weightDecay: 0.1, mask }),
  "addDecayedWeights": () => addDecayedWeights(0.1, { mask }),
  "chain": () => chain(clipByGlobalNorm(0.5), scaleByS3(), scaleByLearningRate(0.1)),
  "clipByGlobalNorm": () => clipByGlobalNorm(0.5),
  "identity": identity,
  "scale": () => scale(2),
  "scaleByAdam": () => scaleByAdam(),
  "scaleByLearningRate": () => scaleByLearningRate(0.1),
  "scaleBySign": scaleBySign,
  "scaleBySchedule, constant": () => scaleBySchedule(constantSchedule(0.3)),
  "scaleBySchedule, linear": () =>
    scaleBySchedule(linearSchedule({ initValue: 1, endValue: 0.1, transitionSteps: 4 })),
  "scaleBySchedule, cosine": () =>
    scaleBySchedule(cosineDecaySchedule({ initValue: 1, decaySteps: 6 })),
  "scaleBySchedule, warm-up and cosine": () => scaleBySchedule(warmup),
  "sgd": () => sgd({ learningRate: 0.1 }),
  "sgd with momentum": () => sgd({ learningRate: 0.1, momentum: 0.9 }),
  "sgd with Nesterov": () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  "signSgd": () => signSgd({ learningRate: 0.1 }),
  "trace": () => trace({ decay: 0.9 }),
  ...Object.fromEntries(
    orders.flatMap((p) => [true, false].map((nesterov) => [p, nesterov] as const)).map((
      [p, nesterov],
    ) => [
      `s3 of order ${p} ${nesterov ? "with" : "without"} Nesterov`,
      () => s3({ learningRate: warmup, p, nesterov, weightDecay: 0.1, mask }),
    ]),
  ),
  "s3 with b = 0": () => s3({ learningRate: 0.1, b: 0 }),
  "s3 with bfloat16 state": () => s3({ learningRate: 0.1, stateDtype: "bfloat16" }),
};

const steps = 6;

/** The parameters after every step, and the state after the last. */
function train(name: string, device: DeviceName): Promise<readonly ArrayLike<number>[]> {
  const optimizer = every[name]!();
  return scope(() => {
    let params = tree(1, device);
    let state = optimizer.init(params);
    const step = jit((params: Params, g: Params, s: typeof state) => {
      const [updates, next] = optimizer.update(g, s, params);
      return [applyUpdates(params, updates), next] as const;
    }, { donate: [0, 2] });
    const reads = Array.from({ length: steps }, (_, t) => {
      // Gradients of very different sizes, and some zeros.
      const g = t === 3 ? tree(9, device, 0) : tree(10 + t, device, 10 ** (2 * t - 6));
      [params, state] = step(params, g, state);
      return deviceGet(treeLeaves(params));
    });
    return Promise.all([...reads, deviceGet(treeLeaves(state))]).then((all) => all.flat());
  });
}

async function compare(name: string, device: DeviceName): Promise<void> {
  const [actual, expected] = [await train(name, device), await train(name, "reference")];
  assert.equal(actual.length, expected.length);
  expected.forEach((values, i) => {
    // A step of one bit in a bfloat16 is one in its bits.
    const tolerance = values instanceof Uint16Array ? 2e-5 + 1 / 2 ** 14 : 2e-5;
    assertClose(actual[i]!, values, tolerance, `${name}, result ${i}`);
  });
}

for (const { name: device } of gpus) {
  for (const name of Object.keys(every)) {
    test(
      `${device}: ${name} is the reference's over ${steps} steps within 2e-5`,
      { skip },
      async () => {
        await compare(name, device);
      },
    );
  }

  test(
    `${device}: huge, tiny and infinite updates are clipped as on the reference`,
    { skip },
    async () => {
      const leaves = [
        [3e30, 0, -4e30],
        [3.4e38, 3.4e38, -3.4e38, 3.4e38],
        [3e-30, -4e-30],
        [3, 4],
        [1, NaN],
        [1, Infinity],
      ];
      const run = (where: DeviceName) =>
        deviceGet(leaves.map((values) => {
          const g = tensor(values, { device: where });
          return [clipByGlobalNorm(1).update(g, {})[0], globalNorm([g])];
        }));
      const [actual, expected] = [await run(device), await run("reference")];
      expected.forEach((results, i) =>
        results.forEach((values, k) => {
          assertClose(actual[i]![k]!, values, 2e-6, `${leaves[i]}, result ${k}`);
        })
      );
    },
  );
}
