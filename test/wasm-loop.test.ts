import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import type { DType } from "../src/core/dtype.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import { anyElement, broadcastingShapes } from "./support/kernel-arbitraries.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";
import { ulpsBetween } from "./support/run-loop.ts";
import { broadcastShapes, sizeOf } from "../src/core/shape.ts";

const wasm = wasmBackend({ prepare });
const reference = referenceBackend();

const floats: DType[] = ["float32", "float64"];
const integers: DType[] = ["int32", "uint32"];
const everything: DType[] = [...floats, ...integers, "bool", "bfloat16"];

/** The operands' dtypes of each primitive: of the first alone where all are alike. */
interface Case {
  readonly dtypes: readonly DType[];
  readonly operands: number;
  readonly result?: DType;
  /** Units in the last place that may differ. */
  readonly ulps?: number;
}

// The reference backend takes some of these from the engine, which may be one unit off too.
const close = { dtypes: floats, ulps: 3 };

const cases: Readonly<
  Record<Exclude<ElementwiseName, "cast" | "bitcast" | "select">, Case>
> = {
  neg: { dtypes: [...floats, "int32"], operands: 1 },
  abs: { dtypes: [...floats, "int32"], operands: 1 },
  sign: { dtypes: [...floats, "int32"], operands: 1 },
  floor: { dtypes: floats, operands: 1 },
  ceil: { dtypes: floats, operands: 1 },
  round: { dtypes: floats, operands: 1 },
  sqrt: { dtypes: floats, operands: 1 },
  cbrt: { ...close, operands: 1 },
  rcbrt: { ...close, operands: 1 },
  exp: { ...close, operands: 1 },
  expm1: { ...close, operands: 1 },
  log: { ...close, operands: 1 },
  log1p: { ...close, operands: 1 },
  sin: { ...close, operands: 1 },
  cos: { ...close, operands: 1 },
  tanh: { ...close, operands: 1 },
  logistic: { ...close, operands: 1 },
  erf: { ...close, operands: 1 },
  isFinite: { dtypes: floats, operands: 1, result: "bool" },
  not: { dtypes: [...integers, "bool"], operands: 1 },
  stopGradient: { dtypes: everything, operands: 1 },
  add: { dtypes: [...floats, ...integers], operands: 2 },
  sub: { dtypes: [...floats, ...integers], operands: 2 },
  mul: { dtypes: [...floats, ...integers], operands: 2 },
  div: { dtypes: floats, operands: 2 },
  rem: { dtypes: [...floats, ...integers], operands: 2 },
  pow: { ...close, operands: 2 },
  max: { dtypes: [...floats, ...integers], operands: 2 },
  min: { dtypes: [...floats, ...integers], operands: 2 },
  equal: { dtypes: [...floats, ...integers, "bool"], operands: 2, result: "bool" },
  less: { dtypes: [...floats, ...integers, "bool"], operands: 2, result: "bool" },
  lessEqual: { dtypes: [...floats, ...integers, "bool"], operands: 2, result: "bool" },
  and: { dtypes: [...integers, "bool"], operands: 2 },
  or: { dtypes: [...integers, "bool"], operands: 2 },
  xor: { dtypes: [...integers, "bool"], operands: 2 },
  shiftLeft: { dtypes: integers, operands: 2 },
  shiftRight: { dtypes: integers, operands: 2 },
};

/** Lengths that reach every part of the code: single elements, whole vectors, several at once, and what is left. */
const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 33, 100];

/** Values of any dtype: the awkward ones often, in an order that brings each before each other in time. */
function sample(dtype: DType, n: number): fc.Arbitrary<Elements> {
  return fc.array(anyElement[dtype], { minLength: n, maxLength: n })
    .map((values) => elements(dtype, [n], values));
}

function assertClose(
  dtype: DType,
  actual: readonly number[],
  expected: readonly number[],
  ulps: number,
  what: (i: number) => string,
): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    const distance = ulpsBetween(dtype, value, expected[i]!);
    if (distance > ulps) {
      assert.fail(`${what(i)} is ${value}; expected ${expected[i]} (${distance} ulp)`);
    }
  });
}

for (const [name, { dtypes, operands, result, ulps = 0 }] of Object.entries(cases)) {
  const op = name as keyof typeof cases;
  test(`wasm ${op} is the reference's, on every dtype and length`, () => {
    for (const dtype of dtypes) {
      fc.assert(
        fc.property(
          fc.constantFrom(...lengths)
            .chain((n) =>
              fc.tuple(...new Array<fc.Arbitrary<Elements>>(operands).fill(sample(dtype, n)))
            ),
          (args: Elements[]) => {
            const spec = { shape: args[0]!.shape, dtype: result ?? dtype };
            const expected = runKernel(reference, op, {}, args, spec);
            const what = (i: number) =>
              `${op} of ${dtype} ${args.map(({ values }) => values[i]).join(" and ")}`;
            assertClose(spec.dtype, runKernel(wasm, op, {}, args, spec), expected, ulps, what);
            if (result !== undefined && result !== dtype) return;
            const inPlace = runKernel(wasm, op, {}, args, spec, 0);
            assertClose(spec.dtype, inPlace, expected, ulps, what);
          },
        ),
        { numRuns: 40 },
      );
    }
  });
}

test("wasm cast is the reference's between all dtypes", () => {
  for (const from of everything) {
    for (const to of everything) {
      fc.assert(
        fc.property(fc.constantFrom(...lengths).chain((n) => sample(from, n)), (x) => {
          const spec = { shape: x.shape, dtype: to };
          const what = (i: number) => `cast of ${from} ${x.values[i]} to ${to}`;
          const expected = runKernel(reference, "cast", { dtype: to }, [x], spec);
          assertClose(to, runKernel(wasm, "cast", { dtype: to }, [x], spec), expected, 0, what);
        }),
        { numRuns: 20 },
      );
    }
  }
});

test("wasm cast rounds to bfloat16 once, however near a tie", () => {
  const ties = [1 + 2 ** -8, 1 + 3 * 2 ** -8, -(1 + 2 ** -8), 2 ** 40 * (1 + 2 ** -8)];
  const values = ties.flatMap((tie) => [tie, tie * (1 + 2 ** -45), tie * (1 - 2 ** -45)]);
  const wide = elements("float64", [values.length], values);
  const whole = [0x10100000, 0x10100001, 0x100fffff, 0x7f7fffff, 0x7fffffff];
  const integers = elements("int32", [2 * whole.length], [...whole, ...whole.map((n) => -n)]);
  for (const x of [wide, integers]) {
    const spec = { shape: x.shape, dtype: "bfloat16" } as const;
    assert.deepEqual(
      runKernel(wasm, "cast", { dtype: "bfloat16" }, [x], spec),
      runKernel(reference, "cast", { dtype: "bfloat16" }, [x], spec),
    );
  }
});

test("wasm bitcast is the reference's", () => {
  const kinds: DType[] = ["float32", "int32", "uint32"];
  fc.assert(fc.property(
    fc.constantFrom(...kinds),
    fc.constantFrom(...kinds),
    fc.constantFrom(...lengths),
    fc.infiniteStream(anyElement.float32.filter((x) => x === x)),
    (from, to, n, stream) => {
      const bits = Array.from({ length: n }, () => stream.next().value as number);
      const x = elements("float32", [n], bits);
      const source = runKernel(reference, "bitcast", { dtype: from }, [x], {
        shape: [n],
        dtype: from,
      });
      const args = [elements(from, [n], source)];
      const spec = { shape: [n], dtype: to };
      assert.deepEqual(
        runKernel(wasm, "bitcast", { dtype: to }, args, spec),
        runKernel(reference, "bitcast", { dtype: to }, args, spec),
      );
    },
  ));
});

test("wasm select is the reference's on every dtype, with operands that broadcast", () => {
  fc.assert(fc.property(
    fc.constantFrom(...everything),
    broadcastingShapes(3),
    fc.infiniteStream(fc.nat()),
    (dtype, shapes, stream) => {
      const make = (kind: DType, shape: number[]): Elements => {
        const [values] = fc.sample(
          fc.array(anyElement[kind], { minLength: sizeOf(shape), maxLength: sizeOf(shape) }),
          { seed: stream.next().value as number, numRuns: 1 },
        );
        return elements(kind, shape, values!);
      };
      const args = [make("bool", shapes[0]!), make(dtype, shapes[1]!), make(dtype, shapes[2]!)];
      const spec = { shape: broadcastShapes("test", ...shapes), dtype };
      assert.deepEqual(
        runKernel(wasm, "select", {}, args, spec),
        runKernel(reference, "select", {}, args, spec),
      );
    },
  ));
});

test("wasm binary primitives broadcast as the reference's do", () => {
  fc.assert(fc.property(
    fc.constantFrom("add", "less", "max"),
    fc.constantFrom<DType>("float32", "float64", "int32"),
    broadcastingShapes(2),
    fc.infiniteStream(fc.double({ min: -9, max: 9, noNaN: true })),
    (op, dtype, shapes, stream) => {
      const args = shapes.map((shape) =>
        elements(
          dtype,
          shape,
          Array.from({ length: sizeOf(shape) }, () => Math.round(stream.next().value as number)),
        )
      );
      const shape = broadcastShapes("test", ...shapes);
      const spec = { shape, dtype: op === "less" ? "bool" as const : dtype };
      assert.deepEqual(
        runKernel(wasm, op as "add", {}, args, spec),
        runKernel(reference, op as "add", {}, args, spec),
      );
    },
  ));
});
