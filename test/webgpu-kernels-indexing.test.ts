import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Kernel, KernelOperand } from "../src/backend/program.ts";
import type { DType } from "../src/core/dtype.ts";
import { type Shape, sizeOf, type TensorSpec } from "../src/core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../src/graph/instruction-set.ts";
import { fillSeeded } from "./support/fill-seeded.ts";
import { anyElements } from "./support/kernel-arbitraries.ts";
import { assertSame } from "./support/kernel-results.ts";
import { type Elements, elements, toArray } from "./support/run-kernel.ts";
import {
  type KernelCase,
  runOnGpu,
  runReference,
  skipWithoutGpu,
} from "./support/webgpu-kernel.ts";

const skip = await skipWithoutGpu();

function caseOf<Name extends PrimitiveName>(
  op: Name,
  params: PrimitiveParams[Name],
  operands: readonly (Elements | number)[],
  output: TensorSpec,
): KernelCase {
  const inputs = operands.filter((operand) => typeof operand !== "number");
  const kernelOperands = operands.map((operand): KernelOperand =>
    typeof operand === "number"
      ? { literal: operand, spec: { shape: [], dtype: "int32" } }
      : { buffer: inputs.indexOf(operand), spec: { shape: operand.shape, dtype: operand.dtype } }
  );
  const kernel = {
    op,
    params,
    operands: kernelOperands,
    output: { buffer: inputs.length, spec: output },
  };
  return { kernel: kernel as Kernel, inputs: inputs.map(toArray) };
}

async function check(cases: readonly KernelCase[]): Promise<void> {
  const results = await runOnGpu(cases);
  cases.forEach((each, i) => assertSame(each, results[i]!));
}

const many = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 20, maxLength: 30 });
const upTo = (least: number, most: number) => fc.integer({ min: least, max: most });
const shapeOf = (maxLength: number, most = 5) => fc.array(upTo(0, most), { maxLength });
const indexValues = (shape: Shape, extent: number) =>
  fc.array(upTo(-1, extent), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((values) => elements("int32", shape, values));

const anyGather: fc.Arbitrary<KernelCase> = fc.tuple(
  fc.constantFrom<DType>("float32", "int32", "uint32", "bool", "bfloat16"),
  shapeOf(2),
  upTo(0, 9),
  shapeOf(2, 8),
  shapeOf(2),
).chain(([dtype, before, extent, after, indexShape]) => {
  const shape = [...before, extent, ...after];
  return fc.tuple(anyElements(dtype, shape), indexValues(indexShape, extent)).map(([x, indices]) =>
    caseOf("gather", { axis: before.length }, [x, indices], {
      shape: [...before, ...indexShape, ...after],
      dtype,
    })
  );
});

test("webgpu gather is that of the reference", { skip }, async () => {
  await fc.assert(fc.asyncProperty(many(anyGather), check), { numRuns: 5, endOnFailure: true });
});

test("webgpu gather takes an index that is written into the program", { skip }, async () => {
  const x = elements("float32", [3, 4], [...fillSeeded("float32", [3, 4], 1)]);
  await check(
    [2, -1, 3].map((index) =>
      caseOf("gather", { axis: 0 }, [x, index], { shape: [4], dtype: "float32" })
    ),
  );
});

const finite = fc.constantFrom<DType>("float32", "int32", "uint32");

const anyScatter: fc.Arbitrary<KernelCase> = fc.tuple(
  finite,
  shapeOf(2, 4),
  upTo(0, 9),
  shapeOf(2, 8),
  fc.oneof(shapeOf(2), fc.tuple(upTo(120, 140))),
).chain(([dtype, before, extent, after, indexShape]) => {
  const shape = [...before, ...indexShape, ...after];
  return fc.tuple(indexValues(indexShape, extent), fc.nat()).map(([indices, seed]) => {
    const updates = elements(dtype, shape, [...fillSeeded(dtype, shape, seed)]);
    return caseOf("scatterAdd", { axis: before.length, extent }, [updates, indices], {
      shape: [...before, extent, ...after],
      dtype,
    });
  });
});

test(
  "webgpu scatterAdd has the bits of the reference where sums are in its order",
  { skip },
  async () => {
    await fc.assert(fc.asyncProperty(many(anyScatter), check), { numRuns: 5, endOnFailure: true });
  },
);

/** `count` indices into `extent` places, some outside, and rows to be added. */
function scatter(
  dtype: DType,
  [outer, count, inner, extent]: readonly [number, number, number, number],
): KernelCase {
  const drawn = fillSeeded("int32", [count], 77 + count);
  const indices = Array.from(drawn, (value) => Math.abs(value) % (extent + 2) - 1);
  const shape = [outer, count, inner];
  // Multiples of 1/8, whose sums are exact in any order.
  const values = Array.from(fillSeeded("int32", shape, 3), (value) => value % 64 / 8);
  return caseOf("scatterAdd", { axis: 1, extent }, [
    elements(dtype, shape, dtype === "float32" ? values : values.map(Math.round)),
    elements("int32", [count], indices),
  ], { shape: [outer, extent, inner], dtype });
}

test("webgpu scatterAdd of many rows is that of the reference", { skip }, async () => {
  await check([
    scatter("float32", [1, 2000, 12, 5000]),
    scatter("float32", [2, 3000, 3, 17]),
    scatter("float32", [1, 20011, 1, 1]),
    scatter("int32", [1, 4099, 4, 65]),
    scatter("float32", [1, 700, 8, 2]),
  ]);
});

test("webgpu scatterAdd of equal indices that lie far apart", { skip }, async () => {
  // Further than the turns of a loop on llvmpipe, and with too many places to be cut into parts for their own sake.
  const count = 70000;
  const values = Array.from({ length: count }, (_, i) => i % 2);
  values[0] = values[count - 1] = 5;
  const whole = Array.from({ length: count }, (_, i) => i % 8);
  const indices = elements("int32", [count], values);
  await check([
    caseOf("scatterAdd", { axis: 0, extent: count }, [elements("int32", [count], whole), indices], {
      shape: [count],
      dtype: "int32",
    }),
  ]);
});

test("webgpu scatterAdd gives the same bits every time", { skip }, async () => {
  const [count, inner, extent] = [5000, 5, 7];
  const drawn = fillSeeded("int32", [count], 5);
  const each = caseOf("scatterAdd", { axis: 0, extent }, [
    elements("float32", [count, inner], [...fillSeeded("float32", [count, inner], 6)]),
    elements("int32", [count], Array.from(drawn, (value) => Math.abs(value) % extent)),
  ], { shape: [extent, inner], dtype: "float32" });
  const [first] = await runOnGpu([each]);
  const expected = runReference(each);
  first!.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-3));
  for (let i = 0; i < 3; i++) assert.deepEqual(await runOnGpu([each]), [first]);
});

test("webgpu scatterAdd takes numbers that are written into the program", { skip }, async () => {
  const x = elements("int32", [4], [1, 2, 3, 4]);
  await check([
    caseOf("scatterAdd", { axis: 0, extent: 3 }, [x, 1], { shape: [3, 4], dtype: "int32" }),
    caseOf("scatterAdd", { axis: 0, extent: 3 }, [7, 2], { shape: [3], dtype: "int32" }),
  ]);
});
