/** Mode "webgpu": gpu.js's kernels among those of the WebGPU backend, on planned memory and in its submits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type GpujsBackend, gpujsBackend } from "../backends/gpujs/mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { functionLibrary, webgpuBackend } from "../backends/webgpu/mod.ts";
import type { ShaderLimits } from "../backends/webgpu/shader.ts";
import {
  adamw,
  add,
  applyUpdates,
  cast,
  explain,
  type GradientTransformation,
  jit,
  mul,
  s3,
  type StateKind,
  type StateOf,
  sub,
  type Tensor,
  tensor,
} from "../mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { GPU } from "./support/gpujs.ts";
import { generator } from "./support/tensors.ts";
import { gpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

/** A device of its own, and what it counts. */
async function open(
  name: string,
  changed: Partial<ShaderLimits> = {},
): Promise<{ device: string; backend: GpujsBackend; dispatches: () => number }> {
  const opened = await gpu();
  const limits = { ...opened.limits, ...changed };
  let shared: ReturnType<typeof webgpuBackend> | undefined;
  const backend = gpujsBackend({
    GPU,
    mode: "webgpu",
    prepare,
    webgpu: {
      library: functionLibrary,
      make: (others) => shared = webgpuBackend({ ...opened, limits }, others),
    },
  });
  registerDevice(name, () => backend);
  return { device: name, backend, dispatches: () => shared!.statistics().dispatches };
}

/** A step of an optimizer on one tensor, in place. */
function stepOf<Kind extends StateKind>(optimizer: GradientTransformation<Kind>) {
  return jit((params: Tensor, state: StateOf<Kind, Tensor>, g: Tensor) => {
    const [updates, next] = optimizer.update(g, state, params);
    return [applyUpdates(params, updates), next] as const;
  }, { donate: [0, 1] });
}

for (
  const [name, optimizer] of [
    ["s3", s3({ learningRate: 0.1, weightDecay: 0.01 })],
    ["adamw", adamw({ learningRate: 0.1 })],
  ] as const
) {
  test(`gpujs webgpu: a step of ${name} is a kernel a result, in place`, options, async () => {
    const { device, dispatches } = await open(`gpujs-${name}`);
    const next = generator(1);
    const values = Array.from({ length: 1000 }, () => 2 * next() - 1);
    const run = async (device: string): Promise<readonly number[]> => {
      let params = tensor(values, { device });
      const g = tensor(values.map((x) => 0.5 - x), { device });
      const optimizerOf = optimizer as GradientTransformation<StateKind>;
      let state = optimizerOf.init(params);
      const step = stepOf(optimizerOf);
      if (device !== "cpu") {
        // The state, the parameters, and the count, which is a whole number.
        const { kernels } = explain(step, params, state, g);
        const ways = kernels.map(({ runs }) => runs!.split(",")[0]).toSorted();
        assert.deepEqual(ways, ["WGSL", "gpu.js"]);
      }
      for (let i = 0; i < 3; i++) [params, state] = step(params, state, g);
      if (device !== "cpu") {
        const before = dispatches();
        [params, state] = step(params, state, g);
        assert.equal(dispatches() - before, 4);
      } else [params, state] = step(params, state, g);
      return [...await params.data()];
    };
    const [actual, expected] = [await run(device), await run("cpu")];
    actual.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) <= 1e-6, `${value}, on cpu ${expected[i]}`);
    });
  });
}

test("gpujs webgpu: results may change places", options, async () => {
  const { device } = await open("gpujs-places");
  const [a, b] = [[1, 2, 3, 4], [10, 20, 30, 40]];
  const data = async (tensors: readonly Tensor[]): Promise<number[][]> =>
    await Promise.all(tensors.map(async (each) => [...await each.data()]));
  const at = (values: number[]): Tensor => tensor(values, { device });

  const swap = jit((x: Tensor, y: Tensor) => [mul(y, 2), mul(x, 3)], { donate: [0, 1] });
  assert.deepEqual(await data(swap(at(a), at(b))), [[20, 40, 60, 80], [3, 6, 9, 12]]);

  // Each result reads what both were.
  const turn = jit((x: Tensor, y: Tensor) => [add(x, y), sub(x, y)], { donate: [0, 1] });
  assert.deepEqual(await data(turn(at(a), at(b))), [[11, 22, 33, 44], [-9, -18, -27, -36]]);

  // What gpu.js cannot do reads what its own result lies over.
  const mixed = jit((x: Tensor, i: Tensor) => {
    const whole = mul(mul(i, i), 65537);
    return [add(x, 1), add(whole, cast(x, "int32"))] as const;
  }, { donate: [0, 1] });
  const i = tensor([1, -2, 30, 400], { dtype: "int32", device });
  assert.deepEqual(await data(mixed(at(a), i)), [
    [2, 3, 4, 5],
    [65538, 262150, 58983303, 65537 * 160000 - 3 * 2 ** 32 + 4 + 2 ** 32].map((x) => x | 0),
  ]);
});

test("gpujs webgpu: buffers that cannot be bound as a whole go to WGSL", options, async () => {
  const { device } = await open("gpujs-windows", { bindingBytes: 1024, bindingAlignment: 256 });
  const small = jit((x: Tensor) => mul(x, 3));
  const large = jit((x: Tensor) => mul(x, 5));
  const values = Array.from({ length: 1000 }, (_, i) => i);
  const x = tensor(values, { device });
  const part = tensor(values.slice(0, 256), { device });
  assert.match(explain(small, part).kernels[0]!.runs!, /^gpu\.js/);
  assert.match(explain(large, x).kernels[0]!.runs!, /^WGSL, \d times/);
  assert.deepEqual([...await small(part).data()], values.slice(0, 256).map((x) => 3 * x));
  assert.deepEqual([...await large(x).data()], values.map((x) => 5 * x));
});
