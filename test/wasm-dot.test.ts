import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { prepareDot as prepareReference } from "../backends/reference/dot.ts";
import { type DotFunctions, dotModule, prepareDot } from "../backends/wasm/dot.ts";
import type { Kernel } from "../src/backend/program.ts";
import {
  allocate,
  bytesPerElement,
  type DType,
  type TypedArray,
  viewOf,
} from "../src/core/dtype.ts";
import { type Shape, sizeOf } from "../src/core/shape.ts";
import { anyElement, anyElements } from "./support/kernel-arbitraries.ts";
import { type Elements, toArray } from "./support/run-kernel.ts";
import { fillSeeded } from "./support/fill-seeded.ts";

type Pairs = readonly (readonly [number, number])[];

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

interface Operand {
  readonly shape: Shape;
  readonly array: TypedArray;
}

interface Product {
  readonly dtype: DType;
  readonly a: Operand;
  readonly b: Operand;
  readonly batch: Pairs;
  readonly contract: Pairs;
}

function kernelOf({ dtype, a, b, batch, contract }: Product): Kernel<"dot"> {
  const free = (shape: Shape, side: 0 | 1) =>
    shape.filter((_, axis) => ![...batch, ...contract].some((pair) => pair[side] === axis));
  const shape = [
    ...batch.map(([axis]) => a.shape[axis]!),
    ...free(a.shape, 0),
    ...free(b.shape, 1),
  ];
  return {
    op: "dot",
    params: { batch, contract },
    operands: [{ buffer: 0, spec: { shape: a.shape, dtype } }, {
      buffer: 1,
      spec: { shape: b.shape, dtype },
    }],
    output: { buffer: 2, spec: { shape, dtype } },
  };
}

interface Options {
  /** Where the units of the work are divided, as fractions. */
  readonly cuts?: readonly number[];
  /** The operand that lies at the very end of the memory, so that reading past it fails. */
  readonly last?: "a" | "b";
}

/** The product in WebAssembly. Sees that nothing beside it and the scratch memory is written. */
function multiply(product: Product, { cuts = [], last = "b" }: Options = {}): TypedArray {
  const { dtype } = product;
  const kernel = kernelOf(product);
  const plan = prepareDot(kernel);
  const size = sizeOf(kernel.output.spec.shape);
  const outBytes = size * bytesPerElement(dtype);

  const gap = 64;
  const extent = (byteLength: number) => Math.ceil(byteLength / 16) * 16 + gap;
  const [ending, other] = last === "a" ? [product.a, product.b] : [product.b, product.a];
  const sizes = [plan.scratchBytes, outBytes, other.array.byteLength, ending.array.byteLength];
  const total = sizes.reduce((sum, each) => sum + extent(each), gap);
  const missing = total - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const start = memory.buffer.byteLength - Math.floor(total / 16) * 16;
  const scratch = start + gap;
  const out = scratch + extent(plan.scratchBytes);
  const atOther = out + extent(outBytes);
  const atEnding = memory.buffer.byteLength - ending.array.byteLength;
  const [a, b] = last === "a" ? [atEnding, atOther] : [atOther, atEnding];

  const all = new Uint8Array(memory.buffer).subarray(start).fill(0xff);
  const put = (at: number, { array }: Operand) => all.set(new Uint8Array(array.buffer), at - start);
  put(a, product.a);
  put(b, product.b);
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

/** The same in the reference backend. */
function multiplyReference(product: Product): TypedArray {
  const kernel = kernelOf(product);
  const out = allocate(product.dtype, sizeOf(kernel.output.spec.shape));
  prepareReference(kernel)(out, [product.a.array, product.b.array]);
  return out;
}

/** Equal bits, NaN's sign and payload aside. */
function assertSame(actual: TypedArray, expected: TypedArray, message?: string): void {
  assert.deepEqual(Array.from(actual), Array.from(expected), message);
}

const dtypes = fc.constantFrom<DType>("float32", "float64", "int32", "uint32");

/** Axis names of each kind in any order, as in the test of the reference backend. */
const anyAxes: fc.Arbitrary<Product> = fc.record({
  dtype: dtypes,
  batch: fc.constantFrom<string[][]>([], [], ["b"], ["b", "c"]),
  contract: fc.constantFrom<string[][]>([], ["x"], ["x"], ["x", "y"], ["x", "y", "z"]),
  left: fc.constantFrom<string[][]>([], ["m"], ["m"], ["m", "n"]),
  right: fc.constantFrom<string[][]>([], ["p"], ["p"], ["p", "q"]),
  extents: fc.array(
    fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
      weight: 16,
      arbitrary: fc.integer({ min: 1, max: 7 }),
    }),
    { minLength: 9, maxLength: 9 },
  ),
}).chain(({ dtype, batch, contract, left, right, extents }) => {
  const all = ["b", "c", "x", "y", "z", "m", "n", "p", "q"];
  const side = (labels: string[]) =>
    fc.shuffledSubarray(labels, { minLength: labels.length, maxLength: labels.length })
      .chain((labels) =>
        anyElements(dtype, labels.map((label) => extents[all.indexOf(label)]!))
          .map((operand: Elements) => ({
            labels,
            operand: { shape: operand.shape, array: toArray(operand) },
          }))
      );
  return fc.tuple(side([...batch, ...contract, ...left]), side([...batch, ...contract, ...right]))
    .map(([a, b]) => {
      const pairs = (labels: string[]): Pairs =>
        labels.map((label) => [a.labels.indexOf(label), b.labels.indexOf(label)]);
      return { dtype, a: a.operand, b: b.operand, batch: pairs(batch), contract: pairs(contract) };
    });
});

/** An operand too large to be drawn number by number. */
const fill = (dtype: DType, shape: Shape, seed: number): Operand => ({
  shape,
  array: fillSeeded(dtype, shape, seed),
});

/** A batch of products of matrices; each operand transposed or not, its batch axis first or last. */
function matrixProduct(
  dtype: DType,
  [batch, m, n, k]: readonly [number, number, number, number],
  { transposed: [ta, tb], batchLast: [la, lb] }: Layout,
  seed: number,
): Product {
  const operand = (matrix: number[], isLast: boolean, seed: number) =>
    fill(dtype, isLast ? [...matrix, batch] : [batch, ...matrix], seed);
  return {
    dtype,
    a: operand(ta ? [k, m] : [m, k], la, seed),
    b: operand(tb ? [n, k] : [k, n], lb, seed + 2),
    batch: [[la ? 2 : 0, lb ? 2 : 0]],
    contract: [[(ta ? 0 : 1) + (la ? 0 : 1), (tb ? 1 : 0) + (lb ? 0 : 1)]],
  };
}

/** Of the left and the right operand. */
interface Layout {
  readonly transposed: readonly [boolean, boolean];
  readonly batchLast: readonly [boolean, boolean];
}

const both = [[false, false], [true, false], [false, true], [true, true]] as const;
const layouts: readonly Layout[] = both.flatMap((transposed) =>
  both.map((batchLast) => ({ transposed, batchLast }))
);
const plain: Layout = { transposed: [false, false], batchLast: [false, false] };
const reversed: Layout = { transposed: [true, true], batchLast: [false, false] };

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
    fc.property(anyAxes, anyOptions, (product, options) => {
      assertSame(multiply(product, options), multiplyReference(product));
    }),
    { numRuns: 500 },
  );
});

test("wasm dot has the bits of the reference for any sizes, layouts and division of the work", () => {
  const sizes = fc.tuple(fc.integer({ min: 0, max: 3 }), anyExtent, anyExtent, anyExtent);
  fc.assert(
    fc.property(
      dtypes,
      sizes,
      fc.constantFrom(...layouts),
      fc.integer(),
      anyOptions,
      (dtype, sizes, layout, seed, options) => {
        const product = matrixProduct(dtype, sizes, layout, seed);
        assertSame(multiply(product, options), multiplyReference(product));
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
      const product = matrixProduct("float32", sizes, layout, 7);
      const expected = multiplyReference(product);
      const message = JSON.stringify({ sizes, layout });
      assertSame(multiply(product), expected, message);
      assertSame(multiply(product, { cuts: [0.3, 0.6], last: "a" }), expected, message);
    }
  }
});

test("wasm dot of float64 and int32 has the bits of the reference beyond one block", () => {
  for (const dtype of ["float64", "int32"] as const) {
    for (const layout of [plain, reversed]) {
      const product = matrixProduct(dtype, [1, 131, 270, 263], layout, 5);
      assertSame(multiply(product), multiplyReference(product));
    }
  }
});

test("wasm dot keeps infinities, NaN and the sign of zero", () => {
  fc.assert(
    fc.property(fc.array(anyElement.float32, { minLength: 24, maxLength: 24 }), (values) => {
      const a = { shape: [5, 2], array: Float32Array.from(values.slice(0, 10)) };
      const b = { shape: [2, 7], array: Float32Array.from(values.slice(10)) };
      const product: Product = { dtype: "float32", a, b, batch: [], contract: [[1, 0]] };
      assertSame(multiply(product), multiplyReference(product));
    }),
  );
});

test("wasm dot has the same bits in every engine", () => {
  const rightTransposed: Layout = { ...plain, transposed: [false, true] };
  const digest = createHash("sha256");
  for (
    const sizes of [[2, 33, 47, 65], [1, 1, 300, 70], [1, 300, 1, 70], [1, 64, 96, 300]] as const
  ) {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      const result = multiply(matrixProduct(dtype, sizes, rightTransposed, 11));
      digest.update(new Uint8Array(result.buffer));
    }
  }
  assert.equal(
    digest.digest("hex"),
    "48287b1f0c165c08cd32752533f07274b95f6f7b25390e30047487eaae67a241",
  );
});
