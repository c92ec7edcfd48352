import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { prepareConv as prepareReference } from "../backends/reference/conv.ts";
import { type ConvFunctions, prepareConv } from "../backends/wasm/conv.ts";
import { dotModule } from "../backends/wasm/dot.ts";
import { dotTasks } from "../backends/wasm/dot-tasks.ts";
import { createPool, type Pool } from "../backends/wasm/pool.ts";
import { allocate, bytesPerElement, type TypedArray, viewOf } from "../src/core/dtype.ts";
import { sizeOf } from "../src/core/shape.ts";
import {
  anyConvolution,
  type Axis,
  convKernel,
  type Convolution,
  plainAxis,
} from "./support/convolutions.ts";
import { fillSeeded } from "./support/fill-seeded.ts";

const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });

/** In this thread, cut at these fractions of the units; or as tasks of so many units in a pool. */
type Division = readonly number[] | { readonly pool: Pool; readonly unitsEach: number };

/** Holds a convolution against the reference. The image ends with the memory. */
function check(convolution: Convolution, seed: number, division: Division = []): void {
  const kernel = convKernel(convolution);
  const { dtype } = convolution;
  const [x, w] = kernel.operands.map(({ spec }, i) => fillSeeded(dtype, spec.shape, seed + i)) as [
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
    ...plainAxis,
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
