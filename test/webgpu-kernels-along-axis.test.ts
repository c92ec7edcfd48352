import { test } from "node:test";
import fc from "fast-check";
import type { Kernel } from "../src/backend/program.ts";
import type { DType, TypedArray } from "../src/core/dtype.ts";
import type { Shape } from "../src/core/shape.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { anyElements } from "./support/kernel-arbitraries.ts";
import { assertSame } from "./support/kernel-results.ts";
import { toArray } from "./support/run-kernel.ts";
import { type KernelCase, runOnGpu, skipWithoutGpu } from "./support/webgpu-kernel.ts";

const skip = await skipWithoutGpu();

const upTo = (least: number, most: number) => fc.integer({ min: least, max: most });
const many = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 20, maxLength: 30 });
const numbers = fc.constantFrom<DType>("float32", "float32", "int32", "uint32");
/** Short axes, where an invocation does all, and long ones. */
const anyShape = fc.tuple(
  fc.array(upTo(0, 4), { maxLength: 2 }),
  fc.oneof(upTo(1, 9), upTo(60, 80), upTo(250, 300)),
  fc.array(upTo(1, 4), { maxLength: 2 }),
);

function argMax(shape: Shape, axis: number, dtype: DType, x: TypedArray): KernelCase {
  const kernel = {
    op: "argMax",
    params: { axis },
    operands: [{ buffer: 0, spec: { shape, dtype } }],
    output: { buffer: 1, spec: { shape: shape.toSpliced(axis, 1), dtype: "int32" } },
  };
  return { kernel: kernel as Kernel, inputs: [x] };
}

async function check(cases: readonly KernelCase[]): Promise<void> {
  const results = await runOnGpu(cases);
  cases.forEach((each, i) => assertSame(each, results[i]!));
}

/** Elements of which many are equal, and NaN, infinities, both zeros and subnormal numbers. */
const awkward = fc.constantFrom(0, -0, 1, -1, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -149));

const anyArgMax: fc.Arbitrary<KernelCase> = fc.tuple(numbers, anyShape, fc.boolean()).chain(
  ([dtype, [before, extent, after], isAwkward]) => {
    const shape = [...before, extent, ...after];
    const axis = before.length;
    if (isAwkward && dtype === "float32") {
      const size = shape.reduce((product, each) => product * each, 1);
      return fc.array(awkward, { minLength: size, maxLength: size }).map((values) =>
        argMax(shape, axis, dtype, Float32Array.from(values))
      );
    }
    return anyElements(dtype, shape).map((x) => argMax(shape, axis, dtype, toArray(x)));
  },
);

test("webgpu argMax is that of the reference", { skip }, async () => {
  await fc.assert(fc.asyncProperty(many(anyArgMax), check), {
    numRuns: 5,
    endOnFailure: true,
  });
});

test("webgpu argMax finds the first of the largest in a long row", { skip }, async () => {
  // Long enough to be searched in parts.
  const [length, at] = [50011, [4, 17001, 29000]];
  const float = fillSeeded("float32", [length], 1);
  const rows = [Infinity, NaN, 1.5].map((value) => {
    const row = float.slice();
    for (const position of at) row[position] = value;
    return argMax([length], 0, "float32", row);
  });
  // A NaN may have a sign.
  const negative = float.slice();
  new Uint32Array(negative.buffer)[777] = 0xffc00000;
  rows.push(argMax([length], 0, "float32", negative));
  await check([...rows, argMax([40001, 2], 0, "int32", fillSeeded("int32", [40001, 2], 4))]);
});

test("webgpu argMax of a row of more turns than a loop may have", { skip }, async () => {
  // On llvmpipe a shader's loops end after 65,535 turns, here of 256 invocations.
  const length = 2 ** 24 + 1000;
  const x = new Int32Array(length);
  x[length - 3] = x[length - 2] = 1;
  await check([argMax([length], 0, "int32", x)]);
});

function cumSum(
  shape: Shape,
  axis: number,
  { reverse = false, dtype = "float32" as DType, seed = 1 } = {},
): KernelCase {
  const drawn = fillSeeded("int32", shape, seed);
  // Multiples of 1/8, whose sums are exact in any order.
  const x = dtype === "float32"
    ? Float32Array.from(drawn, (value) => value % 64 / 8)
    : fillSeeded(dtype, shape, seed);
  const kernel = {
    op: "cumSum",
    params: { axis, reverse },
    operands: [{ buffer: 0, spec: { shape, dtype } }],
    output: { buffer: 1, spec: { shape, dtype } },
  };
  return { kernel: kernel as Kernel, inputs: [x] };
}

const anyCumSum: fc.Arbitrary<KernelCase> = fc.tuple(numbers, anyShape, fc.boolean(), fc.nat()).map(
  ([dtype, [before, extent, after], reverse, seed]) =>
    cumSum([...before, extent, ...after], before.length, { dtype, reverse, seed }),
);

test("webgpu cumSum is that of the reference", { skip }, async () => {
  await fc.assert(fc.asyncProperty(many(anyCumSum), check), {
    numRuns: 5,
    endOnFailure: true,
  });
});

test("webgpu cumSum of long and of many rows is that of the reference", { skip }, async () => {
  await check([
    cumSum([50001], 0),
    cumSum([50001], 0, { reverse: true }),
    cumSum([2, 17000, 3], 1, { dtype: "int32" }),
    cumSum([2, 17000, 3], 1, { reverse: true }),
    cumSum([1030, 2], 0),
    cumSum([70, 9000], 0, { reverse: true }),
    cumSum([9000, 65], 1),
  ]);
});

test("webgpu cumSum of -0 is -0, however long a row is", { skip }, async () => {
  const shapes: [Shape, number][] = [[[7], 0], [[100], 0], [[3, 1030], 1], [[50001], 0], [
    [9000, 65],
    1,
  ]];
  const cases = shapes.flatMap(([shape, axis]) =>
    [false, true].map((reverse) => cumSum(shape, axis, { reverse }))
  );
  for (const { inputs: [x] } of cases) x!.fill(-0);
  await check(cases);
});

test("webgpu cumSum carries NaN and infinities on", { skip }, async () => {
  const cases = [false, true].map((reverse) => cumSum([3000], 0, { reverse }));
  for (const { inputs: [x] } of cases) {
    x![700] = Infinity;
    x![2100] = -Infinity;
  }
  await check(cases);
});
