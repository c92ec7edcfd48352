// Training on a GPU: the character transformer of the examples, and what a step costs there.
import assert from "node:assert/strict";
import test from "node:test";
import { makeCorpus } from "../examples/char-transformer/corpus.ts";
import { initModel, lossOf, type ModelParams } from "../examples/char-transformer/model.ts";
import {
  applyUpdates,
  chain,
  clipByGlobalNorm,
  deviceGet,
  type DeviceName,
  explain,
  full,
  jit,
  key,
  memoryStatistics,
  s3,
  scope,
  type Tensor,
  tensor,
  valueAndGrad,
  warmupCosineDecaySchedule,
} from "../mod.ts";
import { gpus, liveHandlesOf, skip, submitsOf } from "./support/gpu-devices.ts";
import { generator } from "./support/tensors.ts";

const text = Array.from(
  { length: 60 },
  (_, i) => `${i} ships sail north, ${i + 1} more sail south; the harbour counts ${7 * i % 60}. `,
).join("");
const corpus = makeCorpus("ships", text);
const size = {
  vocabulary: corpus.vocabulary.length,
  context: 8,
  features: 16,
  heads: 2,
  blocks: 1,
};
const batch = 4;
const steps = 200;
const optimizer = chain(
  clipByGlobalNorm(1),
  s3({
    learningRate: warmupCosineDecaySchedule({
      initValue: 0,
      peakValue: 0.01,
      warmupSteps: 20,
      decaySteps: steps,
    }),
    weightDecay: 0.01,
  }),
);

/** Windows of the text, the same on every device. */
function tokensAt(t: number, device: DeviceName): Tensor {
  const next = generator(t);
  const windows = Array.from({ length: batch }, () => {
    const from = Math.floor(next() * (corpus.train.length - size.context - 1));
    return Array.from(corpus.train.subarray(from, from + size.context + 1));
  });
  return tensor(windows, { dtype: "int32", device });
}

/** A training step whose parameters and state are donated. */
function makeStep() {
  return jit(
    (
      params: ModelParams,
      state: ReturnType<typeof optimizer.init<ModelParams>>,
      tokens: Tensor,
    ) => {
      const loss = (params: ModelParams) => lossOf(params, tokens, size.heads);
      const [value, gradient] = valueAndGrad(loss)(params);
      const [updates, next] = optimizer.update(gradient, state, params);
      return [applyUpdates(params, updates), next, value] as const;
    },
    { donate: [0, 1] },
  );
}

/** The losses of a training run. `watch` is told before each step. */
async function train(device: DeviceName, watch: (t: number) => void = () => {}): Promise<number[]> {
  const step = makeStep();
  let params: ModelParams = initModel(key(1, { device }), size);
  let state = optimizer.init(params);
  const losses: Tensor[] = [];
  for (let t = 0; t < steps; t++) {
    const tokens = tokensAt(t, device);
    watch(t);
    let loss: Tensor;
    [params, state, loss] = step(params, state, tokens);
    losses.push(loss);
  }
  watch(steps);
  return (await deviceGet(losses)).map((loss) => loss[0]!);
}

let expected: Promise<number[]> | undefined;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

for (const gpu of gpus) {
  test(`${gpu.name}: over 1,000 steps of S3 no buffer is left behind`, { skip }, async () => {
    const optimizer = s3({ learningRate: 0.01, weightDecay: 0.01 });
    const device = gpu.name;
    let params = { w: full([33, 7], 0.5, { device }), b: full([5], -0.25, { device }) };
    let state = optimizer.init(params);
    const g = { w: full([33, 7], 0.1, { device }), b: full([5], -0.1, { device }) };
    type Params = typeof params;
    const step = jit((params: Params, s: typeof state, g: Params) => {
      const [updates, next] = optimizer.update(g, s, params);
      return [applyUpdates(params, updates), next] as const;
    }, { donate: [0, 1] });
    const counts: (readonly [number, number, number])[] = [];
    for (let t = 0; t <= 1000; t++) {
      // Whatever else a step makes is given back at once, so that the garbage collector has no say.
      [params, state] = scope(() => step(params, state, g));
      if (t % 250 !== 0) continue;
      await deviceGet([params.b]);
      const { heap, tensors } = memoryStatistics(device)!;
      counts.push([liveHandlesOf(gpu), tensors, heap]);
    }
    // The first steps fill the pool. What was left from before may be collected meanwhile.
    const [, first, ...later] = counts;
    for (const each of later) {
      each.forEach((count, i) => {
        assert.ok(count <= first![i]!, counts.join("; "));
      });
    }
    assert.ok(counts[1]![2] > 0, "nothing lies on the device");
    const [w] = await deviceGet([params.w]);
    assert.ok(Math.abs(w![0]!) < 12 && w!.every((x) => x === w![0]), `${w}`);
  });

  test(
    `${gpu.name}: ${steps} steps end within 1 % of the loss on cpu, each with one submit`,
    { skip },
    async () => {
      expected ??= train("cpu");
      const submits: number[] = [];
      const actual = await train(gpu.name, () => submits.push(submitsOf(gpu)));
      const wanted = await expected;
      assert.ok(wanted.at(-1)! < 0.6 * wanted[0]!, `cpu learned nothing: ${wanted.at(-1)}`);
      for (const [a, b] of [[actual.at(-1)!, wanted.at(-1)!], [mean(actual), mean(wanted)]]) {
        assert.ok(Math.abs(a! - b!) <= 0.01 * b!, `${a}, on cpu ${b}`);
      }
      // The first step also makes what is made once.
      submits.slice(2).forEach((count, t) =>
        assert.equal(count - submits[t + 1]!, 1, `step ${t + 2}`)
      );
    },
  );

  test(
    `${gpu.name}: every pass of a training step runs on the adapter`,
    { skip },
    () => {
      const params = initModel(key(1, { device: gpu.name }), size);
      const { device, backend, kernels } = explain(
        makeStep(),
        params,
        optimizer.init(params),
        tokensAt(0, gpu.name),
      );
      assert.equal(device, gpu.name);
      assert.ok(kernels.length > 10);
      for (const { op, runs } of kernels) assert.match(runs ?? "nothing", gpu.ways, op);
      const loops = kernels.filter(({ op }) => op === "map" || op === "reduce");
      const own = loops.filter(({ runs }) => gpu.own.test(runs!));
      assert.ok(
        own.length >= 0.8 * loops.length,
        `${own.length} of ${loops.length} passes by ${gpu.own}`,
      );
      assert.match(backend, gpu.description);
    },
  );
}
