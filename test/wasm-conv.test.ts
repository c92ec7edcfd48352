import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prepareConv as prepareReference } from "../backends/reference/conv.ts";
import { type ConvFunctions, prepareConv } from "../backends/wasm/conv.ts";
import { dotModule } from "../backends/wasm/dot.ts";
import { dotTasks } from "../backends/wasm/dot-tasks.ts";
import { createPool, type Pool } from "../backends/wasm/pool.ts";
import type { Kernel } from "../src/backend/program.ts";
import {
  allocate,
  bytesPerElement,
  type DType,
  type TypedArray,
  viewOf,
} from "../src/core/dtype.ts";
import { type Shape, sizeOf, type TensorSpec } from "../src/core/shape.ts";
import { primitiveOf } from "../src/tracing/primitive.ts";
import "../mod.ts";

/** What is said about one spatial axis. */
interface Axis {
  readonly input: number;
  readonly window: number;
  readonly stride: number;
  readonly low: number;
  readonly high: number;
  readonly inputDilation: number;
  readonly kernelDilation: number;
}

interface Convolution {
  readonly dtype: DType;
  readonly axes: readonly Axis[];
  readonly groups: number;
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
}

const plain = { stride: 1, low: 0, high: 0, inputDilation: 1, kernelDilation: 1 } as const;

function kernelOf({ dtype, axes, groups, batch, channels, outputs }: Convolution): Kernel<"conv"> {
  const each = (name: keyof Axis) => axes.map((axis) => axis[name]);
  const params = {
    stride: each("stride"),
    low: each("low"),
    high: each("high"),
    inputDilation: each("inputDilation"),
    kernelDilation: each("kernelDilation"),
  };
  const x: TensorSpec = { shape: [groups, batch, ...each("input"), channels], dtype };
  const w: TensorSpec = { shape: [groups, ...each("window"), channels, outputs], dtype };
  const spec = primitiveOf("conv").infer(params, x, w);
  return {
    op: "conv",
    params,
    operands: [{ buffer: 0, spec: x }, { buffer: 1, spec: w }],
    output: { buffer: 2, spec },
  };
}

/** Numbers from -1 to 1, or any whole ones, from a seed. */
function fill(dtype: DType, shape: Shape, seed: number): TypedArray {
  const array = allocate(dtype, sizeOf(shape));
  let state = seed | 1;
  for (let i = 0; i < array.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    array[i] = dtype.startsWith("float") ? state / 2 ** 31 : state;
  }
  return array;
}

const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });

/** In this thread, cut at these fractions of the units; or as tasks of so many units in a pool. */
type Division = readonly number[] | { readonly pool: Pool; readonly unitsEach: number };

/** Holds a convolution against the reference. The image ends with the memory. */
function check(convolution: Convolution, seed: number, division: Division = []): void {
  const kernel = kernelOf(convolution);
  const { dtype } = convolution;
  const [x, w] = kernel.operands.map(({ spec }, i) => fill(dtype, spec.shape, seed + i)) as [
    TypedArray,
    TypedArray,
  ];
  const expected = allocate(dtype, sizeOf(kernel.output.spec.shape));
  prepareReference(kernel)(expected, [x, w]);

  const plan = prepareConv(kernel);
  const gap = 64;
  const threads = "pool" in division ? division.pool.threads : 1;
  const scratchBytes = Math.ceil(plan.scratchBytes / 64) * 64 * threads;
  const extent = (byteLength: number) => Math.ceil(byteLength / 16) * 16 + gap;
  const total = gap + extent(scratchBytes) + extent(expected.byteLength) +
    extent(w.byteLength) + extent(x.byteLength);
  const missing = total - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const start = memory.buffer.byteLength - Math.floor(total / 16) * 16;
  const a = memory.buffer.byteLength - x.byteLength;
  const scratch = start + gap;
  const out = scratch + extent(scratchBytes);
  const b = out + extent(expected.byteLength);
  const all = new Uint8Array(memory.buffer);
  all.fill(0xff, start);
  all.set(new Uint8Array(x.buffer), a);
  all.set(new Uint8Array(w.buffer), b);

  const modules = [dotModule(dtype, true), plan.module(true)];
  if ("pool" in division) {
    const { pool, unitsEach } = division;
    const functions = Object.assign({}, ...modules.map(pool.register));
    const { tasks, place } = dotTasks(plan, functions, Math.min(unitsEach, plan.mostUnits));
    place(out, a, b);
    pool.run([tasks], {
      cost: Infinity,
      scratch: { address: scratch, bytes: scratchBytes / threads },
    });
  } else {
    const exported = modules.map((module) =>
      new WebAssembly.Instance(module, { env: { memory } }).exports
    );
    const functions: ConvFunctions = Object.assign({}, ...exported);
    const bounds = division.map((cut) => Math.floor(cut * plan.units)).sort((i, j) => i - j);
    [...bounds, plan.units].reduce((from, to) => {
      plan.run(functions, out, a, b, scratch, from, to);
      return to;
    }, 0);
  }

  const size = bytesPerElement(dtype) * expected.length;
  const result = viewOf(dtype, all.slice(out, out + size).buffer, 0, expected.length);
  assert.deepEqual(Array.from(result), Array.from(expected));
  const around = [[start, scratch], [scratch + scratchBytes, out], [out + size, b]];
  for (const [from, to] of around) {
    assert.ok(all.subarray(from, to).every((byte) => byte === 0xff), "wrote outside of its result");
  }
}

const upTo = (least: number, most: number) => fc.integer({ min: least, max: most });
const anyAxis: fc.Arbitrary<Axis> = fc.record({
  input: upTo(0, 9),
  window: upTo(0, 4),
  stride: upTo(1, 3),
  low: upTo(-2, 3),
  high: upTo(-2, 3),
  inputDilation: upTo(1, 3),
  kernelDilation: upTo(1, 3),
});
const anyConvolution: fc.Arbitrary<Convolution> = fc.record({
  dtype: fc.constantFrom<DType>("float32", "float64", "int32"),
  axes: fc.array(fc.oneof(anyAxis, anyAxis.map((axis) => ({ ...axis, ...plain }))), {
    maxLength: 3,
  }),
  groups: upTo(1, 2),
  batch: upTo(0, 3),
  channels: upTo(0, 9),
  outputs: upTo(0, 19),
});
const anyCuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });

test("wasm conv has the bits of the reference for any geometry and division of the work", () => {
  fc.assert(fc.property(anyConvolution, fc.nat(), anyCuts, check), { numRuns: 400 });
});

for (const threads of [1, 2, 4]) {
  test(`wasm conv in ${threads} threads has the bits of the reference`, () => {
    const pool = createPool({ memory, threads });
    const anyUnits = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(anyConvolution, fc.nat(), anyUnits, (convolution, seed, unitsEach) => {
        check(convolution, seed, { pool, unitsEach });
      }),
    );
    pool.dispose();
  });
}

test("wasm conv has the bits of the reference beyond one block", () => {
  const same = (input: number, window: number): Axis => ({
    ...plain,
    input,
    window,
    low: window >> 1,
    high: (window - 1) >> 1,
  });
  const float32 = { dtype: "float32", groups: 1 } as const;
  // Rows of the window in one go; single elements of it; sums in more parts than one; x as the matrix.
  check({ ...float32, axes: [same(13, 3), same(14, 3)], batch: 2, channels: 64, outputs: 70 }, 1);
  check({ ...float32, axes: [same(7, 3), same(9, 5)], batch: 1, channels: 130, outputs: 9 }, 2);
  check({ ...float32, axes: [same(9, 41), same(9, 40)], batch: 3, channels: 3, outputs: 20 }, 3);
  check({ ...float32, axes: [same(3, 1), same(80, 1)], batch: 2, channels: 40, outputs: 530 }, 4);
  check({ ...float32, axes: [same(200, 70)], batch: 2, channels: 600, outputs: 4, groups: 2 }, 5);
  const strided = { ...same(20, 3), stride: 2, inputDilation: 2 };
  check({ ...float32, axes: [strided, strided], batch: 2, channels: 16, outputs: 33 }, 6, [0.4]);
});
