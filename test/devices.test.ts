import assert from "node:assert/strict";
import test from "node:test";
import {
  adam,
  adamw,
  add,
  addDecayedWeights,
  applyUpdates,
  arange,
  bernoulli,
  categorical,
  chain,
  clipByGlobalNorm,
  concat,
  constantSchedule,
  cosineDecaySchedule,
  DeviceError,
  foldIn,
  globalNorm,
  grad,
  type GradientTransformation,
  gumbel,
  initLayerNorm,
  initLinear,
  jit,
  jvp,
  key,
  linear,
  linearSchedule,
  mean,
  mul,
  normal,
  oneHot,
  randint,
  randomBits,
  s3,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  scaleByS3,
  scaleBySchedule,
  sgd,
  signSgd,
  splitKeys,
  type StateKind,
  sub,
  sum,
  take,
  type Tensor,
  tensor,
  trace,
  treeLeaves,
  uniform,
  valueAndGrad,
  vmap,
  warmupCosineDecaySchedule,
  zeros,
} from "../mod.ts";
import { transformer } from "./support/training.ts";
import { withoutCpu } from "./support/without-cpu.ts";

// "reference" is never the default device: what is made on the way must follow the operands there.
const device = "reference";
const integers = { dtype: "int32", device } as const;

test("devices: randomness stays on the device of the key", () => {
  const [a, b] = splitKeys(key(3, { device }), 2);
  assert.equal(normal(a, [4]).device, device);
  assert.equal(randint(b, [4], 0, 10).device, device);
  assert.deepEqual(normal(a, [4]).toArray(), normal(splitKeys(key(3), 2)[0], [4]).toArray());
});

test("devices: oneHot and take follow their operands", () => {
  const indices = tensor([1, 0], integers);
  assert.deepEqual(oneHot(indices, 2).toArray(), [[0, 1], [1, 0]]);
  assert.equal(oneHot(indices, 2).device, device);
  const rows = tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], { device });
  const taken = vmap((x: Tensor, i: Tensor) => take(x, i))(rows, indices);
  assert.deepEqual([taken.toArray(), taken.device], [[[3, 4], [5, 6]], device]);
});

test("devices: derivatives follow their operands, under vmap too", () => {
  const x = tensor([1, 2], { device });
  const square = (v: Tensor) => sum(mul(v, v));
  assert.deepEqual([grad(square)(x).toArray(), grad(square)(x).device], [[2, 4], device]);
  const both = vmap(grad(square))(tensor([[1, 2], [3, 4]], { device }));
  assert.deepEqual([both.toArray(), both.device], [[[2, 4], [6, 8]], device]);
  const [, tangent] = jvp((v: Tensor) => concat([v, x]), [x], [x]);
  assert.deepEqual([tangent.toArray(), tangent.device], [[1, 2, 0, 0], device]);
});

test("devices: a jitted optimizer step runs where its parameters are", () => {
  const optimizer = s3({ learningRate: 0.1 });
  const params = tensor([1, 2], { device });
  const step = jit((p: Tensor, s: ReturnType<typeof optimizer.init<Tensor>>) =>
    optimizer.update(p, s, p)[0]
  );
  assert.equal(step(params, optimizer.init(params)).device, device);
});

test("devices: operands on different devices and unknown devices are refused", () => {
  assert.throws(() => add(tensor([1], { device }), tensor([1])), (error: Error) => {
    assert.ok(error instanceof DeviceError);
    assert.match(error.message, /reference and cpu|cpu and reference/);
    return true;
  });
  assert.throws(() => tensor([1], { device: "abacus" }), DeviceError);
  assert.equal(add(tensor([1], { device }), tensor(2)).device, device);
});

/** Fails unless every tensor of the tree is on the device. */
function assertThere(tree: unknown): void {
  const leaves = treeLeaves(tree);
  assert.ok(leaves.length > 0);
  assert.deepEqual(leaves.map((leaf) => leaf.device), leaves.map(() => device));
}

test("devices: randomness from a key of a device never touches another", () => {
  withoutCpu(() => {
    const from = key(1, { device });
    assertThere([
      foldIn(from, 3),
      foldIn(from, tensor(3, { dtype: "int32" })),
      randomBits(from, [2]),
      uniform(from, [2], { low: -1, high: 2 }),
      uniform(from, [2], { low: tensor(0), high: tensor(1, { dtype: "int32" }) }),
      bernoulli(from, [2], 0.3),
      gumbel(from, [2]),
      categorical(from, tensor([0, 1], { device })),
      initLinear(from, 2, 3),
      initLayerNorm(2, { device }),
      arange(3, { device }),
    ]);
  });
});

test("devices: numbers go to what they meet, or to where one of them was put", () => {
  withoutCpu(() => {
    const x = tensor([1, 2], { device });
    const two = tensor(2, { dtype: "int32" });
    assert.deepEqual(mul(x, two).toArray(), [2, 4]);
    assert.deepEqual(mul(two, x).toArray(), [2, 4]);
    assertThere([sub(1, tensor(2, { device })), add(tensor(1), tensor(2, { device }))]);
    assertThere(grad((a: Tensor) => sum(mul(mul(a, two), x)))(tensor(1, { device })));
  });
});

const schedules = {
  constant: constantSchedule(0.1),
  cosine: cosineDecaySchedule({ initValue: 0.1, decaySteps: 10 }),
  linear: linearSchedule({ initValue: 0.1, endValue: 0, transitionSteps: 10 }),
  warmup: warmupCosineDecaySchedule({
    initValue: 0,
    peakValue: 0.1,
    warmupSteps: 2,
    decaySteps: 10,
  }),
};
const transformations: Record<string, GradientTransformation<StateKind>> = {
  s3: s3({ learningRate: 0.1, weightDecay: 0.1 }),
  "s3, bfloat16": s3({ learningRate: 0.1, stateDtype: "bfloat16", p: 2.5 }),
  scaleByS3: scaleByS3({ b: 0.3, nesterov: false }),
  adam: adam({ learningRate: 0.1 }),
  adamw: adamw({ learningRate: schedules.cosine, nesterov: true }),
  scaleByAdam: scaleByAdam(),
  sgd: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  signSgd: signSgd({ learningRate: schedules.warmup }),
  trace: trace({ decay: 0.5 }),
  scale: scale(-0.1),
  decay: addDecayedWeights(0.1),
  clip: clipByGlobalNorm(1),
  constant: scaleBySchedule(schedules.constant),
  linear: scaleBySchedule(schedules.linear),
  "rate in a tensor": scaleByLearningRate(tensor(0.1)),
  chain: chain(clipByGlobalNorm(0.5), s3({ learningRate: schedules.warmup })),
};

for (const [name, optimizer] of Object.entries(transformations)) {
  test(`devices: ${name} stays on the device of the parameters, eagerly and compiled`, () => {
    withoutCpu(() => {
      const step = (p: { w: Tensor; b: Tensor }, s: unknown) => {
        const [updates, next] = optimizer.update({ w: mul(p.w, 2), b: add(p.b, 1) }, s, p);
        return [applyUpdates(p, updates), next] as const;
      };
      for (const run of [step, jit(step)]) {
        let params = { w: tensor([1, -2], { device }), b: tensor(0.5, { device }) };
        let state = optimizer.init(params);
        for (let i = 0; i < 2; i++) [params, state] = run(params, state);
        assertThere(params);
        const leaves = treeLeaves(state);
        if (leaves.length > 0) assertThere(leaves);
      }
    });
  });
}

test("devices: a model is made and trained without touching another device", () => {
  withoutCpu(() => {
    const { params, loss, inputs, labels } = transformer(device);
    assertThere(params);
    const optimizer = chain(
      clipByGlobalNorm(1),
      adamw({ learningRate: schedules.warmup, weightDecay: 0.1 }),
    );
    type Params = typeof params;
    const step = (p: Params, s: ReturnType<typeof optimizer.init<Params>>) => {
      const [value, gradient] = valueAndGrad(loss)(p, inputs, labels);
      const [updates, next] = optimizer.update(gradient, s, p);
      return [applyUpdates(p, updates), next, value, globalNorm(gradient)] as const;
    };
    const compiled = jit(step)(params, optimizer.init(params));
    assertThere(compiled);
    // What a graph makes out of nothing has no operand to follow when a transformation takes it apart.
    const taken = valueAndGrad(jit(loss))(params, inputs, labels);
    assertThere(taken);
    assert.ok(Math.abs(taken[0].item() - compiled[2].item()) < 1e-5);
  });
});

test("devices: eager layers, losses and their derivatives follow their operands", () => {
  withoutCpu(() => {
    const { params, loss, inputs, labels } = transformer(device);
    const few = (x: Tensor) => take(x, tensor([0], integers));
    // Eagerly and on few rows: reference is slow.
    const [value, gradient] = valueAndGrad(loss)(params, inputs, labels);
    assertThere([value, gradient]);
    const perExample = vmap(
      (w: Tensor, x: Tensor) => grad((w: Tensor) => mean(linear({ w, b: few(x) }, x)))(w),
      { inAxes: [null, 0] },
    )(normal(key(4, { device }), [4, 1]), normal(key(5, { device }), [3, 4]));
    assertThere(perExample);
  });
});

test("devices: a tensor that a jitted function makes goes where the program runs", () => {
  const f = jit((x: Tensor) => add(x, mul(tensor([1, 2]), normal(key(0), []))));
  const here = f(tensor([0, 0]));
  const there = f(tensor([0, 0], { device }));
  assert.deepEqual([here.device, there.device], ["cpu", device]);
  const slope = grad((x: Tensor) => sum(mul(x, f(x))))(tensor([1, 1], { device }));
  assert.equal(slope.device, device);
});

test("devices: inside jit, the device of what is traced is that of the program", () => {
  const f = jit((x: Tensor) => {
    const { device } = x;
    assert.equal(device, "traced");
    const places = arange(3, { device });
    const weights = tensor([1, 10, 100], { device });
    const bias = add(tensor(5, { device }), zeros([3], { device }));
    const { scale } = initLayerNorm(3, { device });
    return add(mul(add(x, places), weights), mul(bias, scale));
  });
  for (const device of ["cpu", "reference"]) {
    const result = f(tensor([1, 2, 3], { device }));
    assert.equal(result.device, device);
    assert.deepEqual(result.toArray(), [6, 35, 505]);
  }
  // Elsewhere there is no such device.
  assert.throws(() => zeros([3], { device: "traced" }), DeviceError);
  assert.throws(() => tensor([3], { device: "traced" }), DeviceError);
});
