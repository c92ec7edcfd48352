import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceBackend } from "../backends/reference/mod.ts";
import { type DType, dtypes } from "../src/core/dtype.ts";
import { DeviceError } from "../src/core/errors.ts";
import { broadcastShapes, sameShape } from "../src/core/shape.ts";
import type { PrimitiveName } from "../src/graph/instruction-set.ts";
import {
  anyElement,
  anyElements,
  atBroadcast,
  broadcastingShapes,
  coordinates,
} from "./support/kernel-arbitraries.ts";
import { type Elements, elements, runKernel } from "./support/run-kernel.ts";

const backend = referenceBackend();

type Scalar = (a: number, b: number) => number;
type BinaryName = Extract<
  PrimitiveName,
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "pow"
  | "max"
  | "min"
  | "equal"
  | "less"
  | "lessEqual"
  | "and"
  | "or"
  | "xor"
  | "shiftLeft"
  | "shiftRight"
>;

function largest(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return NaN;
  if (a === 0 && b === 0) return Object.is(a, -0) ? b : a;
  return a > b ? a : b;
}

/** IEEE 754's pow where it differs from JavaScript's. */
function ieeePow(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return Math.pow(a, b);
}

const compare: Partial<Record<BinaryName, Scalar>> = {
  equal: (a, b) => Number(a === b),
  less: (a, b) => Number(a < b),
  lessEqual: (a, b) => Number(a <= b),
};
const floating: Partial<Record<BinaryName, Scalar>> = {
  ...compare,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  rem: (a, b) => a % b,
  pow: ieeePow,
  max: largest,
  min: (a, b) => -largest(-a, -b),
};

/** Whole numbers of any size, to be wrapped afterwards. */
type Whole = (a: bigint, b: bigint) => bigint;
const bitwise: Partial<Record<BinaryName, Whole>> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
};
const whole: Partial<Record<BinaryName, Whole>> = {
  ...bitwise,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  rem: (a, b) => b === 0n ? a : a % b,
  max: (a, b) => a > b ? a : b,
  min: (a, b) => a < b ? a : b,
  shiftLeft: (a, b) => BigInt.asUintN(32, b) > 31n ? 0n : a << BigInt.asUintN(32, b),
  shiftRight: (a, b) =>
    BigInt.asUintN(32, b) > 31n ? 0n : BigInt.asUintN(32, a) >> BigInt.asUintN(32, b),
};

const isComparison = (name: string) => name in compare;

function oracle(name: BinaryName, dtype: DType): Scalar | undefined {
  if (isComparison(name)) return compare[name];
  if (dtype === "float64") return floating[name];
  if (dtype === "float32") {
    const f = floating[name];
    return f && ((a, b) => Math.fround(f(a, b)));
  }
  const f = dtype === "bool" ? bitwise[name] : whole[name];
  const wrap = dtype === "int32" ? BigInt.asIntN : BigInt.asUintN;
  return f && ((a, b) => Number(wrap(32, f(BigInt(a), BigInt(b)))));
}

function expectedOf(f: Scalar, shape: readonly number[], a: Elements, b: Elements): number[] {
  return coordinates(shape).map((at) => f(atBroadcast(a, at), atBroadcast(b, at)));
}

const names = [...new Set([...Object.keys(floating), ...Object.keys(whole)])] as BinaryName[];
const computing: readonly DType[] = ["float32", "float64", "int32", "uint32", "bool"];

for (const name of names) {
  for (const dtype of computing) {
    const f = oracle(name, dtype);
    if (f === undefined) continue;
    test(`reference ${name} of ${dtype} broadcasts, and is the same in place`, () => {
      const operands = broadcastingShapes(2).chain(([a, b]) =>
        fc.tuple(anyElements(dtype, a!), anyElements(dtype, b!))
      );
      fc.assert(
        fc.property(operands, ([a, b]) => {
          const shape = broadcastShapes("test", a.shape, b.shape);
          const output = { shape, dtype: isComparison(name) ? "bool" as const : dtype };
          const expected = expectedOf(f, shape, a, b);
          assert.deepEqual(runKernel(backend, name, {}, [a, b], output), expected);
          [a, b].forEach((operand, i) => {
            if (output.dtype !== dtype || !sameShape(operand.shape, shape)) return;
            assert.deepEqual(runKernel(backend, name, {}, [a, b], output, i), expected);
          });
        }),
        { numRuns: 60 },
      );
    });
  }
}

test("reference max, min and rem at the edges", () => {
  const run = (op: BinaryName, a: number[], b: number[]) => {
    const [x, y] = [elements("float32", [a.length], a), elements("float32", [b.length], b)];
    return runKernel(backend, op, {}, [x, y], x);
  };
  assert.deepEqual(run("max", [-0, 0, NaN, 1], [0, -0, 1, NaN]), [0, 0, NaN, NaN]);
  assert.deepEqual(run("min", [-0, 0, NaN, 1], [0, -0, 1, NaN]), [-0, -0, NaN, NaN]);
  assert.deepEqual(run("rem", [-5, 5, -4, 1, 1], [3, -3, 2, 0, Infinity]), [-2, 2, -0, NaN, 1]);
  assert.deepEqual(run("pow", [1, -1, 0, NaN], [NaN, -Infinity, -1, 0]), [1, 1, Infinity, 1]);
});

test("reference integer arithmetic wraps, and shifts by 32 and more give 0", () => {
  const run = (op: BinaryName, dtype: DType, a: number[], b: number[]) => {
    const [x, y] = [elements(dtype, [a.length], a), elements(dtype, [b.length], b)];
    return runKernel(backend, op, {}, [x, y], x);
  };
  const [low, high] = [-0x80000000, 0x7fffffff];
  assert.deepEqual(run("add", "int32", [high, low], [1, -1]), [low, high]);
  assert.deepEqual(run("sub", "uint32", [0], [1]), [0xffffffff]);
  assert.deepEqual(run("mul", "int32", [0x10001, low], [0x10001, -1]), [0x20001, low]);
  assert.deepEqual(run("rem", "int32", [7, -7, low], [0, 0, -1]), [7, -7, 0]);
  assert.deepEqual(run("shiftLeft", "int32", [1, 1, 1, 1], [31, 32, 33, -1]), [low, 0, 0, 0]);
  assert.deepEqual(run("shiftRight", "int32", [-1, -1, -1], [0, 31, 32]), [-1, 1, 0]);
  assert.deepEqual(run("shiftRight", "uint32", [0xffffffff, 5], [4, 0xffffffff]), [0x0fffffff, 0]);
});

test("reference element-wise operands may be numbers, rounded to the dtype", () => {
  fc.assert(fc.property(anyElements("float32", [3]), anyElement.float64, (x, number) => {
    const expected = x.values.map((value) => Math.fround(value * Math.fround(number)));
    assert.deepEqual(runKernel(backend, "mul", {}, [x, number], x), expected);
    assert.deepEqual(runKernel(backend, "mul", {}, [number, x], x, 0), expected);
  }));
});

for (const dtype of dtypes) {
  test(`reference select of ${dtype} broadcasts, and is the same in place`, () => {
    const operands = broadcastingShapes(3).chain(([condition, a, b]) =>
      fc.tuple(
        anyElements("bool", condition!),
        anyElements(dtype, a!),
        anyElements(dtype, b!),
      )
    );
    fc.assert(fc.property(operands, ([condition, a, b]) => {
      const shape = broadcastShapes("test", condition.shape, a.shape, b.shape);
      const output = { shape, dtype };
      const expected = coordinates(shape).map((at) =>
        atBroadcast(atBroadcast(condition, at) === 1 ? a : b, at)
      );
      assert.deepEqual(runKernel(backend, "select", {}, [condition, a, b], output), expected);
      [condition, a, b].forEach((operand, i) => {
        if (operand.dtype !== dtype || !sameShape(operand.shape, shape)) return;
        const inPlace = runKernel(backend, "select", {}, [condition, a, b], output, i);
        assert.deepEqual(inPlace, expected);
      });
    }));
  });
}

test("reference refuses arithmetic that a dtype does not have", () => {
  const x = elements("bfloat16", [2], [1, 2]);
  assert.throws(() => runKernel(backend, "add", {}, [x, x], x), DeviceError);
  const y = elements("int32", [2], [1, 2]);
  assert.throws(() => runKernel(backend, "div", {}, [y, y], y), /div does not take int32\[2\]/);
});
