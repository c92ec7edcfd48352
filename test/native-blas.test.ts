import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { type Blas, blasConv, blasDot, blasProduct, loadBlas } from "../backends/native/mod.ts";
import { prepareConv } from "../backends/reference/conv.ts";
import type { Kernel } from "../src/backend/program.ts";
import { allocate, type TypedArray } from "../src/core/dtype.ts";
import { type Shape, sizeOf } from "../src/core/shape.ts";
import { anyConvolution, convKernel, type Convolution, plainAxis } from "./support/convolutions.ts";
import { root } from "./support/files.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
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

const isDeno = "Deno" in globalThis;
const isNode = !isDeno && process.versions["bun"] === undefined;
// Set where a library has been installed, so that these tests cannot pass without it.
const expectsBlas = process.env["SOFTSTEP_EXPECT_BLAS"] === "1" && !isNode;

const loaded = loadBlas({ library: "on" });
const blas = "blas" in loaded ? loaded.blas : undefined;
const needsBlas = { skip: "reason" in loaded && loaded.reason };

type Real = "float32" | "float64";

/** The product by the library, in shared WebAssembly memory; undefined where it is declined. */
function multiply(
  { kernel, inputs: [a, b] }: DotCase,
  library: Blas = blas!,
): number[] | undefined {
  const run = blasDot(library, kernel, (m, n, k) => m * n * k > 0);
  if (run === undefined) return undefined;
  const size = sizeOf(kernel.output.spec.shape);
  const guard = 5;
  const bytes = (a.length + b.length + size + 4 * guard) * a.BYTES_PER_ELEMENT;
  const pages = Math.ceil(bytes / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const Elements = a.constructor as typeof Float32Array;
  const all = new Elements(memory.buffer as ArrayBuffer).fill(NaN);
  let end = guard;
  const next = (length: number): TypedArray => {
    const view = all.subarray(end, end + length);
    end += length + guard;
    return view;
  };
  const [out, x, y] = [next(size), next(a.length), next(b.length)];
  x!.set(a);
  y!.set(b);
  run(out!, x!, y!);
  const result = Array.from(out!);
  assert.deepEqual([Array.from(x!), Array.from(y!)], [Array.from(a), Array.from(b)]);
  for (const view of [out!, x!, y!]) view.fill(NaN);
  assert.ok(all.every(Number.isNaN), "wrote outside of its result");
  return result;
}

const multiplyReference = (product: DotCase): number[] => Array.from(referenceDot(product));

/** Equal numbers; a sum of zeros may have either sign. */
function assertEqual(actual: readonly number[], expected: readonly number[], note?: string): void {
  assert.deepEqual(actual.map((x) => x + 0), expected.map((x) => x + 0), note);
}

/** Numbers from -1 to 1, or whole ones that are multiplied and added without rounding. */
function fill(dtype: Real, shape: Shape, seed: number, isWhole: boolean): TypedArray {
  if (!isWhole) return fillSeeded(dtype, shape, seed);
  const whole = fillSeeded("int32", shape, seed);
  return allocate(dtype, whole.length).map((_, i) => whole[i]! % 8);
}

function caseOf(product: Product<Real>, seed: number, isWhole: boolean): DotCase {
  const { dtype, a, b } = product;
  return {
    kernel: dotKernel(product),
    inputs: [fill(dtype, a, seed, isWhole), fill(dtype, b, seed + 2, isWhole)],
  };
}

const anyCase: fc.Arbitrary<DotCase> = fc.tuple(
  anyAxes<Real>({
    dtypes: ["float32", "float64"],
    mostContracted: 2,
    largestExtent: 9,
    extentsPerZero: 20,
  }),
  fc.integer(),
).map(([product, seed]) => caseOf(product, seed, true));

const layouts: readonly Layout[] = [...outerLayouts, "fbc", "cbf", ...innerLayouts];

test("native BLAS is opened where one is expected", { skip: !expectsBlas }, () => {
  assert.ok("blas" in loaded, "reason" in loaded ? loaded.reason : "");
  assert.match(loaded.blas.description, /./);
});

test("native BLAS is off unless it is asked for, and the option goes before the environment", () => {
  const before = process.env["SOFTSTEP_BLAS"];
  const off = { reason: "native BLAS is off; SOFTSTEP_BLAS=on, or a path, turns it on" };
  try {
    delete process.env["SOFTSTEP_BLAS"];
    assert.deepEqual(loadBlas(), off);
    for (const value of ["", "off"]) {
      process.env["SOFTSTEP_BLAS"] = value;
      assert.deepEqual(loadBlas(), off);
      assert.notDeepEqual(loadBlas({ library: "on" }), off);
    }
    process.env["SOFTSTEP_BLAS"] = "on";
    assert.equal("blas" in loadBlas(), blas !== undefined);
    assert.deepEqual(loadBlas({ library: "off" }), off);
  } finally {
    if (before === undefined) delete process.env["SOFTSTEP_BLAS"];
    else process.env["SOFTSTEP_BLAS"] = before;
  }
});

test("native BLAS gives the reason where it cannot be had", () => {
  for (const library of ["/absent/libblas.so", root + "package.json"]) {
    const absent = loadBlas({ library });
    assert.ok("reason" in absent);
    if (isNode) assert.equal(absent.reason, "no FFI in Node");
    else assert.ok(absent.reason.includes(library), absent.reason);
  }
});

/** What loadBlas gives in a process of Deno: by default, where SOFTSTEP_BLAS=on, and with `library`. */
function loadWithPermissions(permissions: string[], library: string): [unknown, unknown] {
  // With a permission of its own a child is not given those of this process.
  const script = root + "test/support/native-blas-process.ts";
  const child = spawnSync(
    process.execPath,
    ["run", "--quiet", "--allow-env=HOME", ...permissions, script, library],
    { encoding: "utf8", env: { ...process.env, SOFTSTEP_BLAS: "on" } },
  );
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout);
}

test("native BLAS neither throws nor asks where Deno grants nothing", { skip: !isDeno }, () => {
  const [byDefault, on] = loadWithPermissions([], "on");
  assert.match(JSON.stringify(byDefault), /is off/);
  assert.match(JSON.stringify(on), /no permission \(--allow-ffi\)/);
});

const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
const installed = `/usr/lib/${architecture}-linux-gnu/libopenblas.so.0`;

test(
  "native BLAS is opened where Deno grants that library only",
  { skip: !isDeno || !existsSync(installed) },
  () => {
    const [, opened] = loadWithPermissions([`--allow-ffi=${installed}`], installed);
    assert.match(JSON.stringify(opened), /"description":".*OpenBLAS/);
    const [, other] = loadWithPermissions(["--allow-ffi=/absent"], installed);
    assert.match(JSON.stringify(other), /no permission/);
  },
);

test("native BLAS multiplies any axes in any order, or declines", needsBlas, () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyCase, (product) => {
      const actual = multiply(product);
      if (actual === undefined) return;
      accepted++;
      assertEqual(actual, multiplyReference(product));
    }),
    { numRuns: 500 },
  );
  assert.ok(accepted > 100, `only ${accepted} products were accepted`);
});

const manySizes: readonly (readonly [number, number, number, number])[] = [
  [3, 5, 7, 9],
  [2, 1, 6, 4],
  [2, 6, 1, 4],
  [2, 5, 6, 1],
  [1, 5, 6, 7],
];

test("native BLAS takes every layout with neighbours along a row or a column", needsBlas, () => {
  for (const left of layouts) {
    for (const right of layouts) {
      for (const sizes of manySizes) {
        const product = caseOf(matrices(sizes, [left, right]), 7, true);
        const actual = multiply(product);
        const note = `${left} ${right} ${sizes}`;
        const ordinary = !sizes.includes(1);
        if (ordinary && [left, right].some((layout) => layout.endsWith("b"))) {
          assert.equal(actual, undefined, note);
        } else if (ordinary || actual !== undefined) {
          assertEqual(actual!, multiplyReference(product), note);
        }
      }
    }
  }
});

test("native BLAS is within k epsilon of the reference", needsBlas, () => {
  const epsilon = { float32: 2 ** -23, float64: 2 ** -52 };
  const cases = [[1, 131, 67, 259], [3, 40, 50, 60], [1, 300, 5, 33], [1, 4, 260, 700]] as const;
  for (const dtype of ["float32", "float64"] as const) {
    for (const sizes of cases) {
      for (const layout of [["bfc", "bcf"], ["bcf", "bfc"], ["fbc", "cbf"]] as const) {
        const product = caseOf(matrices<Real>(sizes, layout, dtype), 7, false);
        const { kernel, inputs: [a, b] } = product;
        const magnitude = multiplyReference({ kernel, inputs: [a.map(Math.abs), b.map(Math.abs)] });
        const actual = multiply(product)!;
        multiplyReference(product).forEach((expected, i) => {
          const bound = sizes[3] * epsilon[dtype] * magnitude[i]!;
          const error = Math.abs(actual[i]! - expected);
          assert.ok(error <= bound, `${dtype} ${sizes} ${layout}: off by ${error} of ${bound}`);
        });
      }
    }
  }
});

test("native BLAS multiplies alike with any number of threads", needsBlas, () => {
  const product = caseOf(matrices([1, 230, 210, 190]), 7, true);
  const expected = multiplyReference(product);
  for (const threads of [1, 2, 3, 4]) {
    const again = loadBlas({ library: "on", threads });
    assert.ok("blas" in again);
    assertEqual(multiply(product, again.blas)!, expected);
  }
});

/** Of two matrices. */
const plainProduct = (a: Shape, b: Shape): Product => ({
  dtype: "float32",
  a,
  b,
  batch: [],
  contract: [[1, 0]],
});

test("native BLAS keeps infinities and NaN", needsBlas, () => {
  const element = fc.constantFrom(0, 1, -2, 3, NaN, Infinity, -Infinity);
  fc.assert(
    fc.property(fc.array(element, { minLength: 30, maxLength: 30 }), (values) => {
      const product: DotCase = {
        kernel: dotKernel(plainProduct([5, 3], [3, 5])),
        inputs: [Float32Array.from(values.slice(0, 15)), Float32Array.from(values.slice(15))],
      };
      assertEqual(multiply(product)!, multiplyReference(product));
    }),
  );
});

test("native BLAS declines what it does not know and what does not pay", () => {
  const never = () => assert.fail("nothing is multiplied");
  const idle = { description: "none", sgemm: never, dgemm: never };
  const decide = (kernel: Kernel<"dot">) => blasDot(idle, kernel) !== undefined;
  const square = plainProduct([64, 64], [64, 64]);
  const plain = dotKernel(square);
  const number = { literal: 2, spec: { shape: [], dtype: "float32" as const } };
  assert.equal(decide(plain), true);
  assert.equal(decide(dotKernel({ ...square, dtype: "int32" })), false);
  assert.equal(decide({ ...plain, operands: [number, plain.operands[1]!] }), false);
  assert.equal(decide(dotKernel(plainProduct([8, 8], [8, 8]))), false);
  assert.equal(decide(dotKernel(plainProduct([1, 512], [512, 512]))), false);
  assert.equal(decide(dotKernel(plainProduct([64, 0], [0, 64]))), false);
  // The contracted axes are neighbours in one operand only.
  const split: Product = { ...plainProduct([64, 8, 8], [8, 64, 8]), contract: [[1, 0], [2, 2]] };
  assert.equal(decide(dotKernel(split)), false);
});

/** Holds a convolution by the library against the reference; false where it is declined. */
function convolves(convolution: Convolution, seed: number): boolean {
  const kernel = convKernel(convolution);
  const { dtype } = convolution;
  if (dtype === "int32") return false;
  const run = blasConv(blas!, kernel, (rows, columns, depth) => rows * columns * depth > 0);
  if (run === undefined) return false;
  const [x, w] = kernel.operands.map(({ spec }, i) =>
    fill(dtype as Real, spec.shape, seed + i, true)
  );
  const make = () => allocate(dtype, sizeOf(kernel.output.spec.shape)).fill(NaN);
  const [actual, expected] = [make(), make()];
  run(actual, x!, w!);
  prepareConv(kernel)(expected, [x!, w!]);
  assertEqual(Array.from(actual), Array.from(expected));
  return true;
}

test("native BLAS convolves any geometry as the reference does, or declines", needsBlas, () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyConvolution, fc.nat(), (convolution, seed) => {
      if (convolves(convolution, seed)) accepted++;
    }),
    { numRuns: 500 },
  );
  assert.ok(accepted > 50, `only ${accepted} convolutions were accepted`);
});

test("native BLAS convolves in more than one block of patches", needsBlas, () => {
  const same = { ...plainAxis, input: 40, window: 3, low: 1, high: 1 };
  const large = { dtype: "float32", groups: 2, batch: 3, channels: 40, outputs: 9 } as const;
  assert.ok(convolves({ ...large, axes: [same, same] }, 1));
  assert.ok(
    convolves({ ...large, axes: [{ ...same, kernelDilation: 2 }, { ...same, stride: 2 }] }, 2),
  );
});

test("native BLAS takes what it is faster at and leaves the rest", needsBlas, () => {
  const same = (input: number) => ({ ...plainAxis, input, window: 3, low: 1, high: 1 });
  const convolution = (input: number, channels: number) =>
    convKernel({
      dtype: "float32",
      axes: [same(input), same(input)],
      groups: 1,
      batch: 16,
      channels,
      outputs: 64,
    });
  assert.notEqual(blasProduct(blas!, convolution(32, 64)), undefined);
  assert.equal(blasProduct(blas!, convolution(32, 3)), undefined);
  assert.equal(blasProduct(blas!, convolution(2, 64)), undefined);
});
