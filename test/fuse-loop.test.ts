import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareLoop } from "../backends/reference/loop.ts";
import type { Access, Loop, Statement } from "../src/backend/loop.ts";
import type { DType } from "../src/core/dtype.ts";

const access = (strides: number[], offset = 0, dtype: DType = "float32"): Access => ({
  buffer: 0,
  dtype,
  offset,
  strides,
});
const load = (strides: number[], offset = 0): Statement => ({
  kind: "load",
  access: access(strides, offset),
  dtype: "float32",
});
const apply = (op: "add" | "mul", ...args: number[]): Statement => ({
  kind: "apply",
  op,
  params: {},
  args,
  dtype: "float32",
});

test("reference loop: a map reads and writes through strides", () => {
  const loop: Loop = {
    extents: [2, 3],
    reduced: 0,
    statements: [
      load([3, -1], 2),
      { kind: "literal", value: 10, dtype: "float32" },
      apply("add", 0, 1),
    ],
    stores: [{ statement: 2, access: access([1, 2]) }],
  };
  const out = new Float32Array(6);
  prepareLoop(loop)([new Float32Array([1, 2, 3, 4, 5, 6]), out]);
  assert.deepEqual([...out], [13, 16, 12, 15, 11, 14]);
});

test("reference loop: reductions combine in order, what depends on them is computed once", () => {
  const loop: Loop = {
    extents: [2, 3],
    reduced: 1,
    statements: [
      load([3, 1]),
      { kind: "reduce", op: "sum", arg: 0, dtype: "float32" },
      { kind: "reduce", op: "max", arg: 0, dtype: "float32" },
      apply("mul", 1, 2),
      apply("add", 0, 0),
    ],
    stores: [
      { statement: 3, access: access([1, 0]) },
      { statement: 4, access: access([3, 1]) },
    ],
  };
  // 2^24 + 1 + 1 stays 2^24 in float32 where it is added up from the left.
  const [once, all] = [new Float32Array(2), new Float32Array(6)];
  prepareLoop(loop)([new Float32Array([1, 2, 3, 2 ** 24, 1, 1]), once, all]);
  assert.deepEqual([...once], [18, 2 ** 48]);
  assert.deepEqual([...all], [2, 4, 6, 2 ** 25, 2, 2]);
});

test("reference loop: each point is read before it is written", () => {
  const loop: Loop = {
    extents: [4],
    reduced: 0,
    statements: [load([1]), apply("mul", 0, 0)],
    stores: [{ statement: 1, access: access([1]) }],
  };
  const array = new Float32Array([1, 2, 3, 4]);
  prepareLoop(loop)([array, array]);
  assert.deepEqual([...array], [1, 4, 9, 16]);
  // Where the places differ, it is seen.
  const shifted = { ...loop, extents: [3], stores: [{ statement: 1, access: access([1], 1) }] };
  const other = new Float32Array([2, 0, 0, 0]);
  prepareLoop(shifted)([other, other]);
  assert.deepEqual([...other], [2, 4, 16, 256]);
});

test("reference loop: indices, a nest without axes, and an empty one", () => {
  const index: Loop = {
    extents: [2, 2],
    reduced: 0,
    statements: [{ kind: "index", axis: 1, stride: -3, offset: 5, dtype: "int32" }],
    stores: [{ statement: 0, access: access([2, 1], 0, "int32") }],
  };
  const out = new Int32Array(4);
  prepareLoop(index)([out]);
  assert.deepEqual([...out], [5, 2, 5, 2]);

  const literal: Loop = {
    extents: [],
    reduced: 0,
    statements: [{ kind: "literal", value: 3, dtype: "float32" }],
    stores: [{ statement: 0, access: access([]) }],
  };
  const [one, none] = [new Float32Array(1), new Float32Array(1)];
  prepareLoop(literal)([one]);
  prepareLoop({ ...literal, extents: [0], stores: [{ statement: 0, access: access([1]) }] })([
    none,
  ]);
  assert.deepEqual([one[0], none[0]], [3, 0]);
});
