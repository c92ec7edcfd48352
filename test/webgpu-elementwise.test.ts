import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import type { Access } from "../src/backend/loop.ts";
import type { DType } from "../src/core/dtype.ts";
import { broadcastShapes, sizeOf } from "../src/core/shape.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import type { LoopCase } from "./support/exact-loops.ts";
import { kernelProgram, type PrimitiveCase, runOnBackend } from "./support/gpu-backend.ts";
import { anyElement, broadcastingShapes } from "./support/kernel-arbitraries.ts";
import { interpretLoop, loopProgram } from "./support/loop-program.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";
import { ulpsBetween } from "./support/run-loop.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };
const reference = referenceBackend();

const integers: DType[] = ["int32", "uint32"];
const everything: DType[] = ["float32", ...integers, "bool", "bfloat16"];

/** What an operation takes, and how far it may be off: its results, and of operands that a device may flush. */
interface Case {
  readonly dtypes: readonly DType[];
  readonly operands: number;
  readonly result?: DType;
  readonly ulps?: number;
}

const float: DType[] = ["float32"];
/** Functions of the reference are correctly rounded or nearly so; ours as backends/webgpu/math/mod.ts promises. */
const close = (ulps: number) => ({ dtypes: float, ulps: ulps + 0.5, operands: 1 });

const cases: Readonly<
  Record<Exclude<ElementwiseName, "cast" | "bitcast" | "select">, Case>
> = {
  neg: { dtypes: [...float, "int32"], operands: 1 },
  abs: { dtypes: [...float, "int32"], operands: 1 },
  sign: { dtypes: [...float, "int32"], operands: 1 },
  floor: { dtypes: float, operands: 1 },
  ceil: { dtypes: float, operands: 1 },
  round: { dtypes: float, operands: 1 },
  // WGSL allows some units to sqrt and division.
  sqrt: close(2.5),
  cbrt: close(1.5),
  rcbrt: close(1.5),
  exp: close(1.5),
  expm1: close(2),
  log: close(1.5),
  log1p: close(2),
  sin: close(2.5),
  cos: close(2.5),
  tanh: close(2),
  logistic: close(4),
  erf: close(2),
  isFinite: { dtypes: float, operands: 1, result: "bool" },
  not: { dtypes: [...integers, "bool"], operands: 1 },
  stopGradient: { dtypes: everything, operands: 1 },
  add: { dtypes: [...float, ...integers], operands: 2 },
  sub: { dtypes: [...float, ...integers], operands: 2 },
  mul: { dtypes: [...float, ...integers], operands: 2 },
  div: { ...close(2.5), operands: 2 },
  rem: { dtypes: [...float, ...integers], operands: 2 },
  pow: { ...close(2), operands: 2 },
  max: { dtypes: [...float, ...integers], operands: 2 },
  min: { dtypes: [...float, ...integers], operands: 2 },
  equal: { dtypes: [...float, ...integers, "bool"], operands: 2, result: "bool" },
  less: { dtypes: [...float, ...integers, "bool"], operands: 2, result: "bool" },
  lessEqual: { dtypes: [...float, ...integers, "bool"], operands: 2, result: "bool" },
  and: { dtypes: [...integers, "bool"], operands: 2 },
  or: { dtypes: [...integers, "bool"], operands: 2 },
  xor: { dtypes: [...integers, "bool"], operands: 2 },
  shiftLeft: { dtypes: integers, operands: 2 },
  shiftRight: { dtypes: integers, operands: 2 },
};

const least = 2 ** -126;

/** A device may take subnormal numbers for zeros, and give them so. */
function isFlushed(values: readonly number[]): boolean {
  return values.some((value) => value !== 0 && Math.abs(value) < least * 1.01);
}

function sample(dtype: DType, n: number): fc.Arbitrary<Elements> {
  return fc.array(anyElement[dtype], { minLength: n, maxLength: n })
    .map((values) => elements(dtype, [n], values));
}

function assertClose(actual: readonly number[], each: PrimitiveCase, ulps: number): void {
  const { op, params, operands, output } = each;
  const expected = runKernel(reference, op, params as never, operands, output);
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    const args = operands.map((operand) =>
      typeof operand === "number" ? operand : operand.values[i]!
    );
    const wanted = expected[i]!;
    if (
      output.dtype === "float32"
        ? ulpsBetween("float32", value, wanted) <= ulps
        : Object.is(value, wanted)
    ) {
      return;
    }
    const isFloat = operands.some((operand) =>
      typeof operand !== "number" && operand.dtype === "float32"
    );
    if (isFloat && isFlushed([...args, wanted])) return;
    assert.fail(`${op} of ${args.join(" and ")} is ${value}; expected ${wanted} (${output.dtype})`);
  });
}

for (const [name, { dtypes, operands, result, ulps = 0 }] of Object.entries(cases)) {
  const op = name as keyof typeof cases;
  test(`webgpu ${op} is the reference's, on every dtype`, options, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(
          ...dtypes.map((dtype) =>
            fc.constantFrom(1, 7, 64, 200).chain((n) =>
              fc.tuple(...new Array<fc.Arbitrary<Elements>>(operands).fill(sample(dtype, n)))
            )
          ),
        ),
        async (drawn) => {
          const all = (drawn as Elements[][]).map((args, i): PrimitiveCase => ({
            op,
            params: {},
            operands: args,
            output: { shape: args[0]!.shape, dtype: result ?? dtypes[i]! },
            ...(args[0]!.shape[0] === 64 && (result ?? dtypes[i]) === dtypes[i]
              ? { inPlace: 0 }
              : {}),
          }));
          const results = await runOnBackend(all.map(kernelProgram));
          all.forEach((each, i) => assertClose(results[i]![0]!, each, ulps));
        },
      ),
      { numRuns: 12 },
    );
  });
}

test("webgpu cast is the reference's between all dtypes", options, async () => {
  const pairs = everything.flatMap((from) => everything.map((to) => [from, to] as const));
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(...everything.map((dtype) => sample(dtype, 100))),
      async (drawn) => {
        const all = pairs.map(([from, to]): PrimitiveCase => ({
          op: "cast",
          params: { dtype: to },
          operands: [drawn[everything.indexOf(from)]!],
          output: { shape: [100], dtype: to },
        }));
        const results = await runOnBackend(all.map(kernelProgram));
        all.forEach((each, i) => assertClose(results[i]![0]!, each, 0));
      },
    ),
    { numRuns: 10 },
  );
});

test("webgpu cast rounds integers to bfloat16 once, however near a tie", options, async () => {
  const whole = [0x10100000, 0x10100001, 0x100fffff, 0x7f7fffff, 0x7fffffff, 257, 0x1010001];
  const values = [...whole, ...whole.map((n) => -n), 0];
  const unsigned = [...whole, 0xffffffff, 0x80800000, 0x80800001, 0x807fffff];
  const all = [elements("int32", [values.length], values), elements("uint32", [11], unsigned)]
    .map((x): PrimitiveCase => ({
      op: "cast",
      params: { dtype: "bfloat16" },
      operands: [x],
      output: { shape: x.shape, dtype: "bfloat16" },
    }));
  const results = await runOnBackend(all.map(kernelProgram));
  all.forEach((each, i) => assertClose(results[i]![0]!, each, 0));
});

test("webgpu bitcast keeps all bits, those of NaN too", options, async () => {
  const bits = [0, 1, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x3f800000, 0xffffffff];
  const kinds: DType[] = ["float32", "int32", "uint32"];
  const all = kinds.map((to): PrimitiveCase => ({
    op: "bitcast",
    params: { dtype: to },
    operands: [elements("uint32", [bits.length], bits)],
    output: { shape: [bits.length], dtype: to },
  }));
  const results = await runOnBackend(all.map(kernelProgram));
  all.forEach((each, i) => assertClose(results[i]![0]!, each, 0));
});

test("webgpu binary primitives and select broadcast as the reference's do", options, async () => {
  const one = fc.tuple(
    fc.constantFrom("add" as const, "less" as const, "max" as const, "select" as const),
    fc.constantFrom<DType>("float32", "int32"),
    broadcastingShapes(3),
    fc.infiniteStream(fc.integer({ min: -9, max: 9 })),
  ).map(([op, dtype, shapes, stream]): PrimitiveCase => {
    const used = op === "select" ? shapes : shapes.slice(1);
    const operands = used.map((shape, i) => {
      const kind = op === "select" && i === 0 ? "bool" : dtype;
      const values = Array.from({ length: sizeOf(shape) }, () => {
        const value = stream.next().value as number;
        return kind === "bool" ? Math.abs(value) % 2 : value;
      });
      return elements(kind, shape, values);
    });
    const shape = broadcastShapes("test", ...used);
    return { op, params: {}, operands, output: { shape, dtype: op === "less" ? "bool" : dtype } };
  });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 12, maxLength: 12 }), async (all) => {
      const results = await runOnBackend(all.map(kernelProgram));
      all.forEach(({ op, params, operands, output }, i) =>
        assert.deepEqual(
          results[i]![0],
          runKernel(reference, op, params as never, operands, output),
          `${op} ${operands.map((each) => JSON.stringify(each)).join(" ")}`,
        )
      );
    }),
    { numRuns: 8 },
  );
});

test(
  "webgpu arithmetic with numbers and with itself is not simplified as that of reals",
  options,
  async () => {
    const x = elements("float32", [8], [0, -0, NaN, Infinity, -Infinity, 3e38, -1.5, 1e-30]);
    const all = (["add", "sub", "mul", "div", "max", "min"] as const).flatMap((op) =>
      [
        ...[0, -0, 1, -1, 2, 1e30, Infinity, NaN].flatMap((number) => [[x, number], [number, x]]),
        [x, x],
      ].map((operands): PrimitiveCase => ({
        op,
        params: {},
        operands,
        output: { shape: [8], dtype: "float32" },
      }))
    );
    const results = await runOnBackend(all.map(kernelProgram));
    all.forEach((each, i) => assertClose(results[i]![0]!, each, each.op === "div" ? 2.5 : 0));
  },
);

test(
  "webgpu a difference's negative is not the difference the other way round",
  options,
  async () => {
    const x = elements("float32", [6], [2, -2, 0, -0, 1, NaN]);
    const access = (buffer: number): Access => ({
      buffer,
      dtype: "float32",
      offset: 0,
      strides: [1],
    });
    const cases = (["add", "sub"] as const).flatMap((op) =>
      [2, -2, 0].flatMap((value) =>
        [[0, 1], [1, 0]].map((args): LoopCase => ({
          loop: {
            extents: [6],
            reduced: 0,
            statements: [
              { kind: "load", access: access(0), dtype: "float32" },
              { kind: "literal", value, dtype: "float32" },
              { kind: "apply", op, params: {}, args, dtype: "float32" },
              { kind: "apply", op: "neg", params: {}, args: [2], dtype: "float32" },
            ],
            stores: [{ statement: 3, access: access(1) }],
          },
          buffers: [x, elements("float32", [6], new Array<number>(6).fill(0))],
        }))
      )
    );
    const results = await runOnBackend(cases.map(loopProgram));
    cases.forEach((each, i) => assert.deepEqual(results[i], interpretLoop(each)));
  },
);
