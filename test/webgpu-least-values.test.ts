import assert from "node:assert/strict";
import { test } from "node:test";
import { leastValues } from "../backends/webgpu/least-values.ts";
import type { Statement } from "../src/backend/loop.ts";
import type { DType } from "../src/core/dtype.ts";
import type { LoopCase } from "./support/exact-loops.ts";
import { runOnBackend } from "./support/gpu-backend.ts";
import { interpretLoop, loopProgram } from "./support/loop-program.ts";
import { apply, exponentBits, literal, load } from "./support/loop-statements.ts";
import { elements } from "./support/run-kernel.ts";
import { access, ulpsBetween } from "./support/run-loop.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

test("webgpu leastValues: what a value cannot fall below", () => {
  const cases: [Statement, number | undefined][] = [
    [load(0), undefined],
    [apply("abs", [0]), 0],
    [literal(2), 2],
    [literal(-0), undefined],
    [literal(-1), undefined],
    [apply("mul", [0, 0]), 0],
    [apply("mul", [1, 2]), 0],
    [apply("mul", [0, 1]), undefined],
    [apply("add", [1, 2]), 2],
    [apply("add", [0, 1]), undefined],
    [apply("sub", [2, 1]), undefined],
    [apply("max", [0, 2]), 2],
    [apply("max", [0, 4]), undefined],
    [apply("min", [11, 1]), 0],
    [apply("min", [0, 2]), undefined],
    [apply("neg", [1]), undefined],
  ];
  assert.deepEqual(leastValues(cases.map(([statement]) => statement)), cases.map(([, low]) => low));
});

test("webgpu leastValues: a power of two by its bits, and its reciprocal", () => {
  const statements = [
    load(0),
    ...exponentBits,
    literal(0x7f000000, "int32"),
    apply("sub", [8, 7], "int32"),
    apply("bitcast", [9]),
    apply("bitcast", [7]),
    apply("sub", [7, 8], "int32"),
    apply("bitcast", [12]),
  ];
  assert.deepEqual(leastValues(statements).slice(10), [2 ** -149, 0, undefined, undefined]);
});

/** Numbers of all kinds by their bits: NaN has either sign. */
const awkward = [
  ...[0x00000000, 0x00800000, 0x00ffffff, 0x3f800000, 0x3f800001, 0x40490fdb, 0x7f7fffff],
  ...[0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff, 0x2edbe6ff, 0x5f000000, 0x4b800000],
].flatMap((bits) => [bits, bits | 0x80000000]);

const first = elements(
  "int32",
  [awkward.length ** 2],
  awkward.flatMap((x) => awkward.map(() => x)),
);
const second = elements("int32", [awkward.length ** 2], awkward.flatMap(() => awkward));

/** A loop over x and y, |x| and |y| (values 2 to 5), and what follows from them. */
function loopOf(more: readonly Statement[], results: readonly number[]): LoopCase {
  const statements = [
    load(0, [1], 0, "int32"),
    load(1, [1], 0, "int32"),
    apply("bitcast", [0]),
    apply("bitcast", [1]),
    apply("abs", [2]),
    apply("abs", [3]),
    ...more,
  ];
  const size = first.values.length;
  const outputs = results.map((statement) =>
    elements(statements[statement]!.dtype, [size], new Array<number>(size).fill(1))
  );
  const stores = results.map((statement, i) => ({
    statement,
    access: access(2 + i, [1], 0, outputs[i]!.dtype),
  }));
  return {
    loop: { extents: [size], reduced: 0, statements, stores },
    buffers: [first, second, ...outputs],
  };
}

async function compare(
  more: readonly Statement[],
  results: readonly number[],
  ulps: number,
): Promise<void> {
  const each = loopOf(more, results);
  const { statements } = each.loop;
  const [actual] = await runOnBackend([loopProgram(each)]);
  interpretLoop(each).forEach((values, i) => {
    const { op, dtype } = statements[results[i]!] as { readonly op: string; readonly dtype: DType };
    values.forEach((expected, k) => {
      const value = actual![i]![k]!;
      const isRight = dtype === "float32"
        ? ulpsBetween("float32", value, expected) <= ulps
        : value === expected;
      const operands = [first, second].map(({ values }) => (values[k]! >>> 0).toString(16));
      assert.ok(isRight, `${op} of ${operands.join(" and ")} is ${value}; expected ${expected}`);
    });
  });
}

test("webgpu: the larger and the smaller, where operands have no sign", options, async () => {
  await compare(
    [
      apply("max", [4, 5]),
      apply("min", [4, 5]),
      apply("max", [2, 5]),
      apply("max", [4, 3]),
      apply("min", [2, 5]),
      // NaN of 0 times infinity, to which some devices give a sign.
      apply("mul", [4, 5]),
      literal(1),
      apply("max", [11, 12]),
    ],
    [6, 7, 8, 9, 10, 13],
    0,
  );
});

test("webgpu: comparisons, where operands have no sign", options, async () => {
  await compare(
    [
      apply("less", [4, 5], "bool"),
      apply("lessEqual", [4, 5], "bool"),
      literal(1),
      apply("less", [4, 8], "bool"),
      apply("lessEqual", [8, 4], "bool"),
      apply("max", [4, 8]),
    ],
    [6, 7, 9, 10, 11],
    0,
  );
});

test("webgpu: bounds by numbers of either sign", options, async () => {
  const bounds = [1, -1, 0, Infinity, -Infinity];
  for (const op of ["max", "min"] as const) {
    await compare(
      [...bounds.map((bound) => literal(bound)), ...bounds.map((_, i) => apply(op, [2, 6 + i]))],
      bounds.map((_, i) => 11 + i),
      0,
    );
  }
});

test("webgpu: cube roots of what has no sign, and is not small", options, async () => {
  await compare(
    [
      apply("cbrt", [4]),
      apply("rcbrt", [4]),
      literal(2 ** -126),
      apply("max", [4, 8]),
      apply("cbrt", [9]),
      apply("rcbrt", [9]),
    ],
    [6, 7, 10, 11],
    2,
  );
});
