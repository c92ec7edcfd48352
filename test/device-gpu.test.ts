import assert from "node:assert/strict";
import test from "node:test";
import type { WebgpuBackend } from "../backends/webgpu/mod.ts";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  describeDevice,
  device,
  DeviceError,
  deviceGet,
  type DeviceOptions,
  devicePut,
  exp,
  FreedError,
  type GradientTransformation,
  jit,
  memoryStatistics,
  mul,
  s3,
  scope,
  type StateKind,
  sum,
  type Tensor,
  tensor,
  treeLeaves,
  type TypedArray,
  warmupCosineDecaySchedule,
} from "../mod.ts";
import { backendOf } from "../src/backend/registry.ts";
import { assertClose } from "./support/tensors.ts";
import { network, trainer } from "./support/training.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { withoutCpu } from "./support/without-cpu.ts";

const skip = await skipWithoutGpu();
const ways: [string, DeviceOptions, string | false, RegExp][] = [
  ["gpu", {}, skip, /^(WGSL|wgsl|webgpu): /],
  ["gpu:gpujs", { compiler: "gpujs" }, skip, /gpu\.js in mode "?webgpu/],
  ["gpu:gpujs-cpu", { mode: "cpu" }, false, /gpu\.js in mode "?cpu/],
  ["gpu:gpujs-webasm", { mode: "webasm" }, false, /gpu\.js in mode "?webasm/],
];
const required = { required: true };

const learningRate = warmupCosineDecaySchedule({
  initValue: 0.01,
  peakValue: 0.05,
  warmupSteps: 2,
  decaySteps: 10,
});
const optimizers: Record<string, () => GradientTransformation<StateKind>> = {
  s3: () => chain(clipByGlobalNorm(1), s3({ learningRate, weightDecay: 0.1 })),
  adamw: () => adamw({ learningRate: 0.05 }),
};

/** The losses of some steps, and the parameters after them. */
async function train<Kind extends StateKind>(
  optimizer: GradientTransformation<Kind>,
  where: string,
): Promise<TypedArray[]> {
  const model = network(where);
  const { step, params } = trainer(model, optimizer);
  const losses = Array.from({ length: 5 }, step);
  const leaves = treeLeaves(params());
  for (const leaf of leaves) assert.equal(leaf.device, where);
  return await deviceGet([...losses, ...leaves]);
}

for (const [name, options, skip, description] of ways) {
  test(`${name}: opens and says what runs`, { skip }, async () => {
    assert.equal(await device("gpu", { ...options, ...required }), name);
    assert.match(describeDevice(name), description);
  });

  for (const [optimizer, make] of Object.entries(optimizers)) {
    test(`${name}: trains with ${optimizer} as cpu does, and never on cpu`, { skip }, async () => {
      const where = await device("gpu", { ...options, ...required });
      const expected = await train(make(), "cpu");
      const actual = await withoutCpu(() => train(make(), where));
      actual.forEach((data, i) => assertClose(data, expected[i]!, 1e-3, `result ${i}`));
    });
  }

  test(`${name}: trees go there and come back, and scopes free`, { skip }, async () => {
    const where = await device("gpu", { ...options, ...required });
    const tree = {
      x: tensor([[1, NaN], [-0, Infinity]]),
      n: tensor([1, -2], { dtype: "int32" }),
      u: tensor([4294967295], { dtype: "uint32" }),
      yes: tensor([true, false]),
      half: tensor([1.5, -2], { dtype: "bfloat16" }),
      five: tensor(5),
    };
    const there = await devicePut(tree, where);
    assert.deepEqual(await deviceGet(await devicePut(there, "cpu")), await deviceGet(tree));
    await assert.rejects(devicePut(tensor([1], { dtype: "float64" }), where), /no float64/);

    const before = memoryStatistics(where)!.tensors;
    let inside: Tensor | undefined;
    const kept = scope(() =>
      sum(
        inside = exp(mul(
          there.five,
          tensor(new Float32Array(1024), {
            device: where,
          }),
        )),
      )
    );
    await assert.rejects(inside!.data(), FreedError);
    assert.equal(await kept.number(), 1024);
    assert.ok(memoryStatistics(where)!.tensors - before < 4096);
  });

  test(`${name}: a read sees what was there when it was asked for`, { skip }, async () => {
    const where = await device("gpu", { ...options, ...required });
    const step = jit((x: Tensor) => mul(x, 2), { donate: [0] });
    const x = tensor([1, 2], { device: where });
    const before = x.array();
    const after = step(x);
    const freed = scope(() => tensor([7], { device: where }).array());
    assert.deepEqual(await Promise.all([before, after.array(), freed]), [[1, 2], [2, 4], [7]]);
  });
}

test("gpu: a tree is read with one submit", { skip }, async () => {
  const where = await device("gpu", required);
  const { statistics } = backendOf("test", where) as WebgpuBackend;
  const tree = Array.from({ length: 20 }, (_, i) => tensor([i, i + 1], { device: where }));
  const { submits } = statistics();
  const arrays = await deviceGet(tree);
  assert.equal(statistics().submits, submits + 1);
  arrays.forEach((array, i) => assert.deepEqual(Array.from(array), [i, i + 1]));
});

test("gpu: one that was lost is opened again, its tensors are gone", { skip }, async () => {
  const options = { compiler: "wgsl", powerPreference: "low-power", required: true } as const;
  const first = await device("gpu", options);
  assert.equal(first, "gpu:wgsl:low-power");
  const x = tensor([1, 2], { device: first });
  const lost = backendOf("test", first) as WebgpuBackend;
  lost.device.destroy();
  await lost.device.lost;
  await assert.rejects(x.data(), DeviceError);
  const second = await device("gpu", options);
  assert.equal(second, "gpu:wgsl:low-power#2");
  assert.deepEqual(await mul(tensor([1, 2], { device: second }), 2).array(), [2, 4]);
});

test("gpu: what cannot be had says what was tried", async () => {
  await assert.rejects(device("gpu", { mode: "webgl2", ...required }), (error: Error) => {
    assert.ok(error instanceof DeviceError);
    assert.match(error.message, /^device: no GPU is available \(gpu\.js in mode webgl2: /);
    return true;
  });
});
