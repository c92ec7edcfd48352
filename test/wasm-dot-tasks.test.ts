import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dotModule, prepareDot } from "../backends/wasm/dot.ts";
import { dotTasks } from "../backends/wasm/dot-tasks.ts";
import type { Pool } from "../backends/wasm/pool.ts";
import { createPool } from "../backends/wasm/pool.ts";
import { dotKernel, matrices, referenceDot } from "./support/products.ts";

const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });
const elements = new Float32Array(memory.buffer);

interface Product {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether the batch comes last: such operands are copied into scratch memory first. */
  readonly batchLast: boolean;
}

/** A product in the pool, held against the reference backend. */
function check(pool: Pool, product: Product, unitsEach: number): void {
  const { batch, rows, columns, depth, batchLast } = product;
  const kernel = dotKernel(
    matrices([batch, rows, columns, depth], batchLast ? ["fcb", "cfb"] : ["bfc", "bcf"]),
  );
  const [sizeA, sizeB, size] = [
    batch * rows * depth,
    batch * depth * columns,
    batch * rows * columns,
  ];
  const [a, b, out] = [0, sizeA, sizeA + sizeB];
  for (let i = 0; i < out; i++) elements[i] = Math.sin(i * i);
  elements.fill(NaN, out, out + size);
  const plan = prepareDot(kernel);
  const tasks = dotTasks(plan, pool.register(dotModule("float32", true)), unitsEach);
  const scratch = {
    address: Math.ceil((out + size) / 4) * 16,
    bytes: Math.ceil(plan.scratchBytes / 64) * 64,
  };
  assert.ok(scratch.address + pool.threads * scratch.bytes <= elements.byteLength);
  tasks.place(4 * out, 4 * a, 4 * b);
  pool.run([tasks.tasks], { cost: Infinity, scratch });

  const inputs = [elements.slice(a, a + sizeA), elements.slice(b, b + sizeB)] as const;
  assert.deepEqual(elements.slice(out, out + size), referenceDot({ kernel, inputs }));
}

const anyProduct = fc.record({
  batch: fc.integer({ min: 0, max: 4 }),
  rows: fc.integer({ min: 0, max: 40 }),
  columns: fc.integer({ min: 0, max: 40 }),
  depth: fc.integer({ min: 0, max: 40 }),
  batchLast: fc.boolean(),
});

for (const threads of [1, 2, 3, 4]) {
  test(`wasm dot in ${threads} threads has the bits of the reference`, () => {
    const pool = createPool({ memory, threads });
    fc.assert(
      fc.property(anyProduct, fc.integer({ min: 1, max: 50 }), (product, unitsEach) => {
        check(pool, product, unitsEach);
      }),
    );
    const large = { batch: 1, rows: 150, columns: 530, depth: 260 };
    for (const batchLast of [false, true]) check(pool, { ...large, batchLast }, 32);
    pool.dispose();
  });
}
