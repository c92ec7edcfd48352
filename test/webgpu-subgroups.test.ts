import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { type WebgpuBackend, webgpuBackend } from "../backends/webgpu/mod.ts";
import { lowerKernel } from "../backends/webgpu/kernels/mod.ts";
import { loopShader } from "../backends/webgpu/loop-shader.ts";
import type { Lower, ShaderLimits } from "../backends/webgpu/shader.ts";
import type { Loop, Statement } from "../src/backend/loop.ts";
import type { Kernel } from "../src/backend/program.ts";
import type { DType, TypedArray } from "../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../src/core/shape.ts";
import { exactLoops, type LoopCase } from "./support/exact-loops.ts";
import { exactSweeps } from "./support/exact-sweeps.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { assertSame, assertSums } from "./support/kernel-results.ts";
import { interpretLoop, loopProgram } from "./support/loop-program.ts";
import { elements, fromArray, toArray } from "./support/run-kernel.ts";
import { gpu, type KernelCase, runOnGpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { usualLimits } from "./support/shader-limits.ts";

const skipGpu = await skipWithoutGpu();
const own = skipGpu === false ? (await gpu()).limits : undefined;
const hasSubgroups = own?.subgroups === true && own.subgroupSize !== undefined;
// Node's and Bun's software adapter has them: there missing ones are a failure, where a GPU is expected.
const isExpected = process.env["SOFTSTEP_EXPECT_GPU"] === "1" && !("Deno" in globalThis);
const skip = skipGpu || (!hasSubgroups && !isExpected && "no subgroups of one size");

const limits: ShaderLimits = { ...usualLimits, subgroups: true, subgroupSize: 32 };

type Op = "sum" | "max" | "min";

/** Reductions of one operand along its last axes, or, transposed, along its first. */
function reduction(
  extents: readonly number[],
  reduced: number,
  { ops = ["sum"] as readonly Op[], dtype = "float32" as DType, transpose = false } = {},
): Loop {
  const outer = extents.slice(0, extents.length - reduced);
  const inner = extents.slice(outer.length);
  const strides = transpose
    ? [...stridesOf(outer), ...stridesOf(inner).map((stride) => stride * sizeOf(outer))]
    : stridesOf(extents);
  const statements: Statement[] = [
    { kind: "load", access: { buffer: 0, dtype, offset: 0, strides }, dtype },
    ...ops.map((op): Statement => ({ kind: "reduce", op, arg: 0, dtype })),
  ];
  const along = [...stridesOf(outer), ...inner.map(() => 0)];
  const stores = ops.map((_, i) => ({
    statement: i + 1,
    access: { buffer: i + 1, dtype, offset: 0, strides: along },
  }));
  return { extents, reduced, statements, stores };
}

test("webgpu subgroups: a workgroup's reduction has one barrier, a subgroup's has none", () => {
  const whole = loopShader(reduction([3, 1024], 1), limits)!;
  assert.match(whole.label, /1 x 256 threads, vec4, subgroups/);
  assert.match(whole.code, /^enable subgroups;\n/);
  assert.match(whole.code, /let local = subgroup \* 32u \+ within;/);
  assert.equal(whole.code.match(/workgroupBarrier/g)!.length, 1);
  assert.equal(whole.code.match(/subgroupShuffleXor/g)!.length, 5);

  const small = loopShader(reduction([64, 128], 1), limits)!;
  assert.match(small.label, /8 x 32 threads, vec4, subgroups/);
  assert.doesNotMatch(small.code, /workgroup>|workgroupBarrier/);
  assert.equal(small.code.match(/subgroupShuffleXor/g)!.length, 5);
});

test("webgpu subgroups: are not enabled where they are not used", () => {
  const rows = reduction([3, 1024], 1);
  const columns = reduction([64, 300], 1, { transpose: true });
  const cases: [Loop, Partial<ShaderLimits>][] = [
    [rows, { subgroups: false }],
    // Neighbours of one subgroup have nothing to add.
    [columns, { subgroupSize: 4 }],
    [columns, { subgroupSize: 16 }],
    // A workgroup that does not fill them.
    [reduction([1, 64], 1), {}],
    [reduction([70, 8], 1), {}],
  ];
  for (const [loop, changed] of cases) {
    const { code, label } = loopShader(loop, { ...limits, ...changed })!;
    assert.doesNotMatch(code + label, /subgroup/, label);
  }
  const { subgroupSize: _, ...vary } = limits;
  assert.doesNotMatch(loopShader(rows, vary)!.code, /subgroup/);
  // Two rows of 16 columns are one.
  assert.equal(loopShader(columns, limits)!.code.match(/subgroupShuffleXor/g)!.length, 1);
});

let backends: Promise<WebgpuBackend[]> | undefined;

/** The same GPU with subgroups, and without. */
async function bothWays(cases: readonly LoopCase[]): Promise<number[][][][]> {
  backends ??= gpu().then((opened) =>
    [true, false].map((subgroups) =>
      webgpuBackend({ ...opened, limits: { ...opened.limits, subgroups } })
    )
  );
  const results: number[][][][] = [];
  for (const backend of await backends) {
    const runs = cases.map((each) => {
      const { program } = loopProgram(each);
      const inputs = each.buffers.map((input) => backend.upload(toArray(input)));
      const outputs = backend.compile(program).run(inputs);
      return outputs.map((buffer, i) =>
        backend.download(buffer, program.outputs[i]!.spec.dtype)
          .then((array) => fromArray(program.outputs[i]!.spec.dtype, array))
      );
    });
    results.push(await Promise.all(runs.map((outputs) => Promise.all(outputs))));
  }
  return results;
}

async function assertEqualBits(cases: readonly LoopCase[]): Promise<number[][][]> {
  const [withThem, without] = await bothWays(cases);
  cases.forEach(({ loop }, i) =>
    assert.deepEqual(withThem![i], without![i], `${JSON.stringify(loop)}`)
  );
  return withThem!;
}

const shapes: readonly [readonly number[], number, boolean][] = [
  [[5, 500], 1, false],
  [[3, 1024], 1, false],
  [[70, 64], 1, false],
  [[33, 130], 1, false],
  [[2, 70000], 1, false],
  [[300, 64], 1, true],
  [[3, 900], 1, true],
  [[1, 41], 1, true],
  [[7, 9, 40], 2, false],
];

test(
  "webgpu subgroups: a float sum has the same bits with them and without",
  { skip },
  async () => {
    const { limits } = await gpu();
    assert.equal(Math.log2(limits.subgroupSize!) % 1, 0);
    const cases = shapes.map(([extents, reduced, transpose], i): LoopCase => {
      const values = Array.from(fillSeeded("float32", [sizeOf(extents)], i + 1));
      const count = sizeOf(extents.slice(0, extents.length - reduced));
      const dirty = elements("float32", [count], new Array(count).fill(NaN));
      const ops = ["sum", "max", "sum", "min"] as const;
      return {
        loop: reduction(extents, reduced, { ops, transpose }),
        buffers: [elements("float32", [values.length], values), ...ops.map(() => dirty)],
      };
    });
    const used = cases.filter(({ loop }) => loopShader(loop, limits)!.code.includes("subgroup"));
    assert.ok(used.length >= 4, `${used.length}`);
    const results = await assertEqualBits(cases);
    // And they are the sums, the largest and the smallest.
    cases.forEach(({ loop: { extents, reduced }, buffers: [x] }, i) => {
      const [sums, largest, again, least] = results[i]!;
      assert.deepEqual(again, sums);
      const points = sizeOf(extents.slice(-reduced));
      sums!.forEach((sum, at) => {
        const row = Array.from(
          { length: points },
          (_, point) => x!.values[shapes[i]![2] ? point * sums!.length + at : at * points + point]!,
        );
        const size = row.reduce((total, value) => total + Math.abs(value), 0);
        const exact = row.reduce((total, value) => total + value, 0);
        assert.ok(Math.abs(sum - exact) <= points * 2 ** -24 * size);
        assert.equal(largest![at], row.reduce((a, b) => Math.max(a, b)));
        assert.equal(least![at], row.reduce((a, b) => Math.min(a, b)));
      });
    });
  },
);

test("webgpu subgroups: NaN, infinities and zeros of either sign are kept", { skip }, async () => {
  const odd = [NaN, Infinity, -Infinity, -0, 0];
  const places = [0, 1, 3, 4, 31, 32, 63, 64, 127, 499];
  const rows = odd.flatMap((value) =>
    places.map((place) =>
      Array.from({ length: 500 }, (_, i) => i === place ? value : value === 0 ? 0 : -i)
    )
  );
  const size = [rows.length, 500] as const;
  const ops = ["sum", "max", "min"] as const;
  const dirty = elements("float32", [rows.length], new Array(rows.length).fill(1));
  const [results] = await assertEqualBits([{
    loop: reduction(size, 1, { ops }),
    buffers: [elements("float32", [sizeOf(size)], rows.flat()), dirty, dirty, dirty],
  }]);
  const expected = [
    rows.map((row) => row.reduce((a, b) => a + b, 0)),
    rows.map((row) => Math.max(...row)),
    rows.map((row) => Math.min(...row)),
  ];
  // Which zero is the largest of two is not said.
  const plain = (values: readonly number[]) => values.map((value) => value === 0 ? 0 : value);
  assert.deepEqual(results!.map(plain), expected.map(plain));
});

test("webgpu subgroups: whole numbers and truths", { skip }, async () => {
  const cases = (["int32", "uint32", "bool"] as const).flatMap((dtype) =>
    shapes.slice(0, 6).map(([extents, reduced, transpose], i): LoopCase => {
      const ops: readonly Op[] = dtype === "bool" ? ["max", "min"] : ["sum", "max", "min"];
      const size = sizeOf(extents);
      const values = dtype === "bool"
        ? Array.from({ length: size }, (_, at) => Number(at * 7919 % 701 === i))
        : Array.from(fillSeeded(dtype, [size], i + 1));
      const count = sizeOf(extents.slice(0, extents.length - reduced));
      const dirty = elements(dtype, [count], new Array(count).fill(1));
      return {
        loop: reduction(extents, reduced, { ops, dtype, transpose }),
        buffers: [elements(dtype, [size], values), ...ops.map(() => dirty)],
      };
    })
  );
  await assertEqualBits(cases);
});

test("webgpu subgroups: random nests", { skip }, async () => {
  for (const nests of [exactLoops, exactSweeps]) {
    await fc.assert(
      fc.asyncProperty(fc.array(nests, { minLength: 20, maxLength: 20 }), async (cases) => {
        const results = await assertEqualBits(cases);
        cases.forEach((each, i) => assert.deepEqual(results[i], interpretLoop(each)));
      }),
      { numRuns: 2 },
    );
  }
});

const without: Lower = (kernel, firstBuffer, limits) =>
  lowerKernel(kernel, firstBuffer, { ...limits, subgroups: false });

async function assertEqualKernels(cases: readonly KernelCase[]): Promise<TypedArray[]> {
  const { limits } = await gpu();
  for (const { kernel, inputs } of cases) {
    const { shaders } = lowerKernel(kernel, inputs.length + 1, limits);
    assert.match(shaders[0]!.code, /^enable subgroups;\n/);
    assert.match(shaders[0]!.label, /, subgroups$/);
  }
  const results = await runOnGpu(cases);
  assert.deepEqual(results, await runOnGpu(cases, without));
  return results;
}

test("webgpu subgroups: argMax finds the first of the largest", { skip }, async () => {
  const cases = [[3, 64], [5, 1000], [1, 70000]].map(([rows, extent], i): KernelCase => {
    const x = fillSeeded("float32", [rows!, extent!], i + 1).map((value) => Math.round(value * 9));
    x[extent! - 3] = x[extent! - 2] = NaN;
    return {
      kernel: {
        op: "argMax",
        params: { axis: 1 },
        operands: [{ buffer: 0, spec: { shape: [rows!, extent!], dtype: "float32" } }],
        output: { buffer: 1, spec: { shape: [rows!], dtype: "int32" } },
      } as Kernel,
      inputs: [x],
    };
  });
  const results = await assertEqualKernels(cases);
  cases.forEach((each, i) => assertSame(each, results[i]!));
});

test("webgpu subgroups: lanes of a product", { skip }, async () => {
  const depths = [300, 4096, 70001];
  const cases = depths.flatMap((depth) =>
    (["float32", "int32"] as const).map((dtype, i): KernelCase => ({
      kernel: {
        op: "dot",
        params: { batch: [], contract: [[1, 0]] },
        operands: [
          { buffer: 0, spec: { shape: [5, depth], dtype } },
          { buffer: 1, spec: { shape: [depth, 1], dtype } },
        ],
        output: { buffer: 2, spec: { shape: [5, 1], dtype } },
      } as Kernel,
      inputs: [fillSeeded(dtype, [5, depth], i + 1), fillSeeded(dtype, [depth, 1], i + 7)],
    }))
  );
  const results = await assertEqualKernels(cases);
  cases.forEach((each, i) => assertSums(each, results[i]!, depths[i >> 1]!));
});
