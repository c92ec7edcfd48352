/** Mode "webgpu": large kernels of one axis compute four elements an invocation, with the same bits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  arange,
  broadcastTo,
  cast,
  jit,
  less,
  mul,
  neg,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
} from "../mod.ts";
import { registerDevice } from "../src/backend/registry.ts";
import { gpujsFor } from "./support/gpujs.ts";
import { generator } from "./support/tensors.ts";
import { gpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };
const device = "gpujs-four";
const enough = 2 ** 14;

async function open(): Promise<void> {
  const backend = await gpujsFor("webgpu");
  registerDevice(device, () => backend);
}

/** The shaders that come of a call. */
async function shadersOf(call: () => unknown): Promise<string[]> {
  const { device } = await gpu();
  const texts: string[] = [];
  const { createShaderModule } = device;
  device.createShaderModule = (descriptor) => {
    texts.push(descriptor.code);
    return createShaderModule.call(device, descriptor);
  };
  try {
    await call();
  } finally {
    device.createShaderModule = createShaderModule;
  }
  return texts;
}

const special = [NaN, Infinity, -Infinity, 0, -0, 1e30, -1e-30];

/** Some whole numbers, and what is no number among them. */
function drawn(size: number, seed: number): Float32Array {
  const next = generator(seed);
  return Float32Array.from(
    { length: size },
    () =>
      next() < 0.01 ? special[Math.floor(next() * special.length)]! : Math.floor(19 * next()) - 9,
  );
}

/** What functions of two tensors of an axis give, for each dtype that gpu.js computes with. */
const functions: Readonly<Record<string, (x: Tensor, y: Tensor) => Tensor>> = {
  "float32": (x, y) => where(less(x, y), sub(mul(x, 3), y), neg(y)),
  "int32": (x, y) => add(cast(x, "int32"), mul(cast(y, "int32"), 2)),
  "uint32": (x) => cast(mul(x, x), "uint32"),
  "bool": (x, y) => less(x, y),
  "an index": (x) => add(where(less(x, 3), x, 1), arange(x.shape[0]!, { device: x.device })),
  "one number for all": (x, y) => add(x, broadcastTo(sum(where(less(y, 2), 1, 0)), x.shape)),
};

for (const [name, f] of Object.entries(functions)) {
  test(`gpujs webgpu: four elements an invocation, ${name}`, options, async () => {
    await open();
    const isNumber = (x: Tensor) => where(less(-50, x), where(less(x, 50), x, 0), 0);
    const finite = jit((x: Tensor, y: Tensor) => f(isNumber(x), isNumber(y)));
    for (const size of [enough - 4, enough, enough + 1, enough + 4, 5 * enough + 4]) {
      const values = [drawn(size, size), drawn(size, size + 1)];
      const run = async (device: string): Promise<ArrayLike<number>> => {
        const [x, y] = values.map((each) => tensor(each, { device }));
        return await finite(x!, y!).data();
      };
      assert.deepEqual(await run(device), await run("cpu"), `${size}`);
    }
  });
}

test(
  "gpujs webgpu: four elements an invocation are those of whole fours alone",
  options,
  async () => {
    await open();
    for (
      const [size, isFour] of [[enough, true], [enough + 2, false], [enough - 4, false]] as const
    ) {
      const x = tensor(drawn(size, 3), { device });
      const y = tensor(drawn(size, 4), { device });
      const texts = await shadersOf(() =>
        jit((x: Tensor, y: Tensor) => sub(mul(x, 3), y))(x, y).data()
      );
      assert.equal(texts.some((text) => text.includes("array<vec4<f32>>")), isFour, `${size}`);
    }
  },
);

test("gpujs webgpu: four elements an invocation keep what is no number", options, async () => {
  await open();
  const f = jit((x: Tensor, y: Tensor) => [sub(mul(x, 2), y), less(x, y)] as const, {
    donate: [0],
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom(enough, 2 * enough + 4), async (seed, size) => {
      const run = async (device: string): Promise<number[][]> => {
        const x = tensor(drawn(size, seed), { device });
        const y = tensor(drawn(size, seed + 1), { device });
        return await Promise.all(f(x, y).map(async (each) => [...await each.data()].map(Number)));
      };
      const [actual, expected] = [await run(device), await run("cpu")];
      actual.forEach((values, i) =>
        values.forEach((value, k) => assert.ok(Object.is(value, expected[i]![k]), `${i} at ${k}`))
      );
    }),
    { numRuns: 5 },
  );
});
