import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loopShader } from "../backends/webgpu/loop-shader.ts";
import { sweepsPay } from "../backends/webgpu/reduction-stages.ts";
import {
  add,
  cast,
  deviceGet,
  equal,
  explain,
  grad,
  jit,
  layerNorm,
  logSoftmax,
  max,
  min,
  mul,
  profile,
  softmax,
  softmaxCrossEntropyWithIntegerLabels,
  sub,
  sum,
  type Tensor,
  tensor,
} from "../mod.ts";
import type { Access, Loop } from "../src/backend/loop.ts";
import { backendOf, registerDevice } from "../src/backend/registry.ts";
import { splitReduction } from "../src/backend/split-reduction.ts";
import type { DType } from "../src/core/dtype.ts";
import type { LoopCase } from "./support/exact-loops.ts";
import { exactSweeps } from "./support/exact-sweeps.ts";
import { checkLoops } from "./support/fusion.ts";
import { gpuBackend, runOnBackend } from "./support/gpu-backend.ts";
import { gpus, skip } from "./support/gpu-devices.ts";
import { interpretLoop, loopProgram } from "./support/loop-program.ts";
import { assertClose, generator } from "./support/tensors.ts";
import { compilesSlowly } from "./support/webgpu-kernel.ts";
import { usualLimits } from "./support/shader-limits.ts";

const options = { skip };
const device = "gpu:wgsl";
const isSlow = skip === false && await compilesSlowly();

test("webgpu sweeps: random nests give what the interpreter gives", options, async () => {
  const assertLoops = async (cases: readonly LoopCase[]): Promise<void> => {
    const programs = cases.map(loopProgram);
    for (const { program } of programs) checkLoops(program, () => 4);
    const results = await runOnBackend(programs);
    cases.forEach((each, i) =>
      assert.deepEqual(
        results[i],
        interpretLoop(each),
        `${JSON.stringify(each.loop)}\n${loopShader(each.loop, usualLimits)?.code}`,
      )
    );
  };
  await fc.assert(
    fc.asyncProperty(fc.array(exactSweeps, { minLength: 20, maxLength: 20 }), assertLoops),
    { numRuns: isSlow ? 3 : 8, endOnFailure: true },
  );
});

test("webgpu sweeps: all invocations reach all barriers, within a workgroup's memory", () => {
  const bytes: Readonly<Record<string, number>> = {
    "f32": 4,
    "i32": 4,
    "u32": 4,
    "bool": 4,
    "vec4<f32>": 16,
    "vec4<i32>": 16,
    "vec4<u32>": 16,
    "vec4<bool>": 16,
  };
  const barriers = { with: 0, without: 0 };
  const subgroups = { ...usualLimits, subgroups: true, subgroupSize: 32 };
  fc.assert(
    fc.property(
      exactSweeps,
      fc.constantFrom(usualLimits, subgroups, { ...usualLimits, workgroupStorage: 2048 }),
      ({ loop }, limits) => {
        const { code } = loopShader(loop, limits)!;
        const declared = [...code.matchAll(/var<workgroup> \w+: array<(.+), (\d+)>;/g)]
          .map(([, type, count]) => bytes[type!]! * Number(count));
        assert.ok(declared.reduce((a, b) => a + b, 0) <= limits.workgroupStorage, code);
        const main = code.slice(code.indexOf("fn main("));
        const isDivided = main.includes("let slice =");
        assert.ok(!isDivided || !main.includes("return"), code);
        assert.ok(isDivided || !main.includes("Barrier"), code);
        if (isDivided) barriers[main.includes("workgroupBarrier") ? "with" : "without"]++;
      },
    ),
    { numRuns: 300 },
  );
  // Subgroups combine the slices of short rows.
  assert.ok(barriers.with > 0 && barriers.without > 0);
});

test("webgpu sweeps: what one slice stores for all others waits for them, and they for it", () => {
  const access = (buffer: number, strides: readonly number[]): Access => ({
    buffer,
    dtype: "float32",
    offset: 0,
    strides,
  });
  const dtype = "float32";
  const row = access(1, [1, 0]);
  const loop = (result: Access): Loop => ({
    extents: [3, 64],
    reduced: 1,
    sweeps: [4],
    statements: [
      { kind: "load", access: access(0, [64, 1]), dtype },
      { kind: "load", access: row, dtype },
      { kind: "reduce", op: "sum", arg: 0, dtype },
      { kind: "apply", op: "mul", params: {}, args: [1, 2], dtype },
      { kind: "load", access: access(0, [64, 1]), dtype },
      { kind: "load", access: row, dtype },
      { kind: "apply", op: "mul", params: {}, args: [4, 5], dtype },
    ],
    stores: [
      { statement: 3, access: result },
      { statement: 6, access: access(0, [64, 1]) },
    ],
  });
  const { code } = loopShader(loop(row), usualLimits)!;
  assert.match(
    code,
    /storageBarrier\(\);\n {2}if \(slice == 0u .*\n.*\n {2}\}\n {2}storageBarrier\(\);/,
  );
  assert.doesNotMatch(loopShader(loop(access(2, [1, 0])), usualLimits)!.code, /storageBarrier/);
});

test("webgpu sweeps: a reduction that is swept over is not cut in two stages", () => {
  fc.assert(fc.property(exactSweeps, ({ loop }) => {
    const worth = { partPoints: 1, mostResults: Infinity, bytesPerElement: () => 4 };
    assert.equal(splitReduction(loop, 99, worth), undefined);
  }));
  assert.ok(sweepsPay(4096, 256) && sweepsPay(17, 4096) && sweepsPay(256, 10 ** 6));
  assert.ok(!sweepsPay(16, 10 ** 6) && !sweepsPay(255, 8192));
});

/** Functions of rows, and their gradients; labels and weights stand beside. */
const functions: Readonly<Record<string, (x: Tensor, w: Tensor, labels: Tensor) => Tensor[]>> = {
  softmax: (x, w) => [softmax(x), grad((x: Tensor) => sum(mul(softmax(x), w)))(x)],
  logSoftmax: (x, w) => [logSoftmax(x), grad((x: Tensor) => sum(mul(logSoftmax(x), w)))(x)],
  layerNorm: (x, w) => {
    const [scale, offset] = [add(sum(w, { axis: 0 }), 1), sum(x, { axis: 0 })];
    const of = (x: Tensor) => layerNorm({ scale, offset }, x);
    return [of(x), grad((x: Tensor) => sum(mul(of(x), w)))(x)];
  },
  loss: (x, _, labels) => {
    const of = (x: Tensor) => softmaxCrossEntropyWithIntegerLabels(x, labels);
    return [of(x), grad((x: Tensor) => sum(of(x)))(x)];
  },
};

function operands(rows: number, points: number, device: string): [Tensor, Tensor, Tensor] {
  const next = generator(rows + points);
  const shape = [rows, points];
  const values = () => Float32Array.from({ length: rows * points }, () => 4 * next() - 2);
  const labels = Int32Array.from({ length: rows }, (_, row) => row * 7919 % points);
  return [
    tensor(values(), { shape, device }),
    tensor(values().map((value) => value / 8), { shape, device }),
    tensor(labels, { device }),
  ];
}

test("webgpu sweeps: softmax, layerNorm, the loss and their gradients", options, async () => {
  const [few, many] = [[3, 16, 33], [300]];
  const shapes = [
    ...[1, 3, 32, 33, 257].flatMap((points) => [...few, ...many].map((rows) => [rows, points])),
    ...[4096, 10007].flatMap((points) => [3, 16].map((rows) => [rows, points])),
  ].filter((_, i) => !isSlow || i % 3 === 0);
  for (const [rows, points] of shapes) {
    const names = Object.keys(functions);
    const on = (device: string) => {
      const inputs = operands(rows!, points!, device);
      return names.map((name) => jit(functions[name]!)(...inputs));
    };
    const [actual, expected] = [await deviceGet(on(device)), await deviceGet(on("reference"))];
    names.forEach((name, i) =>
      expected[i]!.forEach((values, k) => {
        const message = `${name} of [${rows}, ${points}], result ${k}`;
        assertClose(actual[i]![k]!, values, 1e-4, message);
      })
    );
    if (rows! < 16 || points! < 2) continue;
    const { kernels } = explain(jit(functions["softmax"]!), ...operands(rows!, points!, device));
    assert.ok(kernels.some(({ sweeps }) => sweeps > 1), `[${rows}, ${points}]`);
  }
});

test("webgpu sweeps: rows with NaN, infinities and zeros of either sign", options, async () => {
  const odd = [NaN, Infinity, -Infinity, -0, 0, 3e38, -3e38];
  for (const points of [5, 33, 300, 2048]) {
    const rows = odd.flatMap((a) => odd.map((b) => [a, b]));
    const values = rows.flatMap(([a, b], row) =>
      Array.from(
        { length: points },
        (_, i) => i === row % points ? a! : i === (row * 7 + 3) % points ? b! : i % 5 - 2,
      )
    );
    const f = jit((x: Tensor) => [
      softmax(x),
      logSoftmax(x),
      sub(x, max(x, { axis: -1, keepDims: true })),
      mul(x, min(x, { axis: -1, keepDims: true })),
    ]);
    const of = (device: string) => deviceGet(f(tensor(values, { shape: [49, points], device })));
    const [actual, expected] = [await of(device), await of("reference")];
    expected.forEach((values, k) => assertClose(actual[k]!, values, 1e-5, `${points}, ${k}`));
  }
});

test("webgpu sweeps: whole numbers, truths and bfloat16", options, async () => {
  const rows = (x: Tensor) => max(x, { axis: -1, keepDims: true });
  const whole = (x: Tensor) => [
    sub(x, rows(x)),
    mul(x, sub(x, rows(x))),
    sum(cast(equal(x, rows(x)), "int32"), { axis: -1 }),
    equal(x, rows(x)),
  ];
  const rounded = (x: Tensor) => {
    const wide = cast(x, "float32");
    const largest = rows(wide);
    return [
      cast(sub(wide, largest), "bfloat16"),
      cast(mul(wide, add(largest, 0.3)), "bfloat16"),
      equal(wide, largest),
    ];
  };
  for (const points of [7, 64, 515]) {
    for (const dtype of ["int32", "bfloat16"] satisfies DType[]) {
      const f = jit(dtype === "int32" ? whole : rounded);
      const values = Array.from({ length: 40 * points }, (_, i) => i * 7919 % 29 - 14);
      const x = (device: string) => tensor(values, { shape: [40, points], dtype, device });
      assert.ok(explain(f, x(device)).kernels.some(({ sweeps }) => sweeps > 1), dtype);
      const [actual, expected] = [
        await deviceGet(f(x(device))),
        await deviceGet(f(x("reference"))),
      ];
      assert.deepEqual(actual, expected);
    }
  }
});

test("webgpu sweeps: results over what is donated are the same ones", options, async () => {
  for (const [rows, points] of [[40, 5], [40, 257], [17, 1000], [300, 64]]) {
    for (const [name, f] of Object.entries(functions)) {
      const inputs = () => operands(rows!, points!, device);
      const inPlace = jit(f, { donate: [0, 1] });
      const [expected, actual] = await deviceGet([jit(f)(...inputs()), inPlace(...inputs())]);
      assert.deepEqual(actual, expected, `${name} of [${rows}, ${points}]`);
    }
  }
});

test("webgpu sweeps: softmax is one kernel, but by gpu.js", options, async () => {
  const f = jit((x: Tensor) => softmax(x));
  const x = operands(4096, 256, device)[0];
  const [kernel, ...others] = explain(f, x).kernels;
  assert.equal(others.length, 0);
  assert.deepEqual([kernel!.sweeps, kernel!.loads, kernel!.stores], [3, 1, 1]);
  assert.match(kernel!.runs!, /^WGSL, \d+ x \d+ threads, vec4/);
  const profiled = await profile(f, x);
  assert.deepEqual(profiled.kernels.map(({ sweeps }) => sweeps), [3]);
  for (const { name } of gpus) {
    if (name === device) continue;
    assert.equal(backendOf("test", name).sweeps, undefined);
    const { kernels } = explain(f, operands(64, 32, name)[0]);
    assert.ok(kernels.length > 1 && kernels.every(({ sweeps }) => sweeps === 1));
  }
  // A few long rows are reduced by more than a workgroup each.
  const { kernels } = explain(f, operands(16, 40000, device)[0]);
  assert.ok(kernels.every(({ sweeps }) => sweeps === 1));
});

test("webgpu sweeps: equal loops over short rows share a dispatch", options, async () => {
  const backend = await gpuBackend();
  registerDevice("webgpu-sweeps", () => backend);
  const leaves = Array.from({ length: 12 }, (_, leaf) => operands(16 + leaf, 5, "webgpu-sweeps"));
  const same = leaves.map(() => operands(20, 5, "webgpu-sweeps")[0]);
  const f = jit((all: readonly Tensor[]) => all.map((x) => softmax(x)));
  const count = async (all: readonly Tensor[]): Promise<number> => {
    await deviceGet(f(all));
    const before = backend.statistics().dispatches;
    const results = await deviceGet(f(all));
    const dispatches = backend.statistics().dispatches - before;
    const alone = await deviceGet(all.map((x) => jit((x: Tensor) => softmax(x))(x)));
    assert.deepEqual(results, alone);
    return dispatches;
  };
  assert.ok(await count(leaves.map(([x]) => x)) >= 12);
  assert.ok(await count(same) <= 6);
});
