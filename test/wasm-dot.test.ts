import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type DotFunctions, dotModule, prepareDot } from "../backends/wasm/dot.ts";
import { bytesPerElement, type DType, type TypedArray, viewOf } from "../src/core/dtype.ts";
import { sizeOf } from "../src/core/shape.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { anyElement, anyElements } from "./support/kernel-arbitraries.ts";
import {
  anyAxes,
  type DotCase,
  dotKernel,
  innerLayouts,
  type Layout,
  matrices,
  outerLayouts,
  type Product,
  referenceDot,
} from "./support/products.ts";
import { toArray } from "./support/run-kernel.ts";

const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
const instances = new Map<DType, DotFunctions>();

function functionsOf(dtype: DType): DotFunctions {
  let functions = instances.get(dtype);
  if (functions === undefined) {
    const instance = new WebAssembly.Instance(dotModule(dtype, false), { env: { memory } });
    functions = instance.exports as unknown as DotFunctions;
    instances.set(dtype, functions);
  }
  return functions;
}

interface Options {
  /** Where the units of the work are divided, as fractions. */
  readonly cuts?: readonly number[];
  /** The operand that lies at the very end of the memory, so that reading past it fails. */
  readonly last?: "a" | "b";
}

/** The product in WebAssembly. Sees that nothing beside it and the scratch memory is written. */
function multiply(
  { kernel, inputs: [left, right] }: DotCase,
  { cuts = [], last = "b" }: Options = {},
): TypedArray {
  const { dtype } = kernel.output.spec;
  const plan = prepareDot(kernel);
  const size = sizeOf(kernel.output.spec.shape);
  const outBytes = size * bytesPerElement(dtype);

  const gap = 64;
  const extent = (byteLength: number) => Math.ceil(byteLength / 16) * 16 + gap;
  const [ending, other] = last === "a" ? [left, right] : [right, left];
  const sizes = [plan.scratchBytes, outBytes, other.byteLength, ending.byteLength];
  const total = sizes.reduce((sum, each) => sum + extent(each), gap);
  const missing = total - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const start = memory.buffer.byteLength - Math.floor(total / 16) * 16;
  const scratch = start + gap;
  const out = scratch + extent(plan.scratchBytes);
  const atOther = out + extent(outBytes);
  const atEnding = memory.buffer.byteLength - ending.byteLength;
  const [a, b] = last === "a" ? [atEnding, atOther] : [atOther, atEnding];

  const all = new Uint8Array(memory.buffer).subarray(start).fill(0xff);
  const put = (at: number, { buffer }: TypedArray) => all.set(new Uint8Array(buffer), at - start);
  put(a, left);
  put(b, right);
  const expected = all.slice();
  const bounds = cuts.map((cut) => Math.floor(cut * plan.units)).sort((x, y) => x - y);
  [...bounds, plan.units].reduce((from, to) => {
    plan.run(functionsOf(dtype), out, a, b, scratch, from, to);
    return to;
  }, 0);

  const result = all.slice(out - start, out - start + outBytes);
  expected.set(result, out - start);
  for (const bytes of [expected, all]) {
    bytes.fill(0, scratch - start, scratch - start + plan.scratchBytes);
  }
  assert.ok(Buffer.compare(expected, all) === 0, "wrote outside of its result");
  return viewOf(dtype, result.buffer, 0, size);
}

/** Equal bits, NaN's sign and payload aside. */
function assertSame(actual: TypedArray, expected: TypedArray, message?: string): void {
  assert.deepEqual(Array.from(actual), Array.from(expected), message);
}

const dtypes = ["float32", "float64", "int32", "uint32"] as const;

/** With operands of awkward values. */
const anyCase: fc.Arbitrary<DotCase> = anyAxes({
  dtypes,
  mostContracted: 3,
  largestExtent: 7,
  extentsPerZero: 16,
}).chain((product) =>
  fc.tuple(anyElements(product.dtype, product.a), anyElements(product.dtype, product.b))
    .map(([a, b]) => ({ kernel: dotKernel(product), inputs: [toArray(a), toArray(b)] }))
);

/** With operands too large to be drawn number by number. */
function caseOf(product: Product, seed: number): DotCase {
  const { dtype, a, b } = product;
  const inputs = [fillSeeded(dtype, a, seed), fillSeeded(dtype, b, seed + 2)] as const;
  return { kernel: dotKernel(product), inputs };
}

/** The pairs of layouts in which neither matrix, one or both are transposed, the batch first or last. */
const layouts: readonly (readonly [Layout, Layout])[] = [...outerLayouts, ...innerLayouts]
  .flatMap((left) => [...outerLayouts, ...innerLayouts].map((right) => [left, right] as const));

const anyExtent = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 9, 16, 17),
  fc.integer({ min: 1, max: 70 }),
);
const anyOptions = fc.record({
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  last: fc.constantFrom("a" as const, "b" as const),
});

test("wasm dot of any axes in any order has the bits of the reference", () => {
  fc.assert(
    fc.property(anyCase, anyOptions, (product, options) => {
      assertSame(multiply(product, options), referenceDot(product));
    }),
    { numRuns: 500 },
  );
});

test("wasm dot has the bits of the reference for any sizes, layouts and division of the work", () => {
  const sizes = fc.tuple(fc.integer({ min: 0, max: 3 }), anyExtent, anyExtent, anyExtent);
  fc.assert(
    fc.property(
      fc.constantFrom(...dtypes),
      sizes,
      fc.constantFrom(...layouts),
      fc.integer(),
      anyOptions,
      (dtype, sizes, layout, seed, options) => {
        const product = caseOf(matrices(sizes, layout, dtype), seed);
        assertSame(multiply(product, options), referenceDot(product));
      },
    ),
    { numRuns: 300 },
  );
});

/** Past the edges of blocks, and wide enough that operands are packed. */
const largeSizes = [
  [1, 131, 19, 259],
  [1, 5, 521, 300],
  [2, 37, 1030, 263],
  [2, 140, 19, 270],
  [1, 1, 2100, 37],
  [1, 2100, 1, 37],
  [1, 3, 17, 1025],
  [1, 1, 1, 4099],
] as const;

test("wasm dot has the bits of the reference beyond one block", () => {
  for (const sizes of largeSizes) {
    for (const layout of layouts) {
      const product = caseOf(matrices(sizes, layout), 7);
      const expected = referenceDot(product);
      const message = JSON.stringify({ sizes, layout });
      assertSame(multiply(product), expected, message);
      assertSame(multiply(product, { cuts: [0.3, 0.6], last: "a" }), expected, message);
    }
  }
});

test("wasm dot of float64 and int32 has the bits of the reference beyond one block", () => {
  for (const dtype of ["float64", "int32"] as const) {
    for (const layout of [["bfc", "bcf"], ["bcf", "bfc"]] as const) {
      const product = caseOf(matrices([1, 131, 270, 263], layout, dtype), 5);
      assertSame(multiply(product), referenceDot(product));
    }
  }
});

test("wasm dot keeps infinities, NaN and the sign of zero", () => {
  fc.assert(
    fc.property(fc.array(anyElement.float32, { minLength: 24, maxLength: 24 }), (values) => {
      const shapes = { a: [5, 2], b: [2, 7], batch: [], contract: [[1, 0]] } as const;
      const product: DotCase = {
        kernel: dotKernel({ dtype: "float32", ...shapes }),
        inputs: [Float32Array.from(values.slice(0, 10)), Float32Array.from(values.slice(10))],
      };
      assertSame(multiply(product), referenceDot(product));
    }),
  );
});

test("wasm dot has the same bits in every engine", () => {
  const digest = createHash("sha256");
  for (
    const sizes of [[2, 33, 47, 65], [1, 1, 300, 70], [1, 300, 1, 70], [1, 64, 96, 300]] as const
  ) {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      const result = multiply(caseOf(matrices(sizes, ["bfc", "bfc"], dtype), 11));
      digest.update(new Uint8Array(result.buffer));
    }
  }
  assert.equal(
    digest.digest("hex"),
    "48287b1f0c165c08cd32752533f07274b95f6f7b25390e30047487eaae67a241",
  );
});
