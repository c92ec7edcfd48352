import assert from "node:assert/strict";
import { test } from "node:test";
import type { Loop, Statement } from "../src/backend/loop.ts";
import { formOf } from "../src/backend/loop-form.ts";
import { stridesOf } from "../src/core/shape.ts";
import { access } from "./support/run-loop.ts";

/** b = a + a over an array in order. */
function doubling(extents: readonly number[], a: number, b: number, offset = 0): Loop {
  const strides = stridesOf(extents);
  return {
    extents,
    reduced: 0,
    statements: [
      { kind: "load", access: access(a, strides, offset), dtype: "float32" },
      { kind: "apply", op: "add", params: {}, args: [0, 0], dtype: "float32" },
    ],
    stores: [{ statement: 1, access: access(b, strides) }],
  };
}

test("loop form: arrays of any shape and place are one form, from some length on", () => {
  const form = formOf(doubling([5, 1, 20], 7, 3), 64);
  assert.deepEqual(form.loop, doubling([64], 0, 1));
  assert.deepEqual(form.buffers, [7, 3]);
  assert.equal(form.extent, 100);
  for (const extents of [[64], [2, 3, 1, 40], [1, 1, 1e6]]) {
    assert.equal(formOf(doubling(extents, 1, 2), 64).key, form.key);
  }
  const numbers = formOf(doubling([1, 1], 0, 1), 64);
  assert.deepEqual([numbers.loop.extents, numbers.extent], [[], 1]);
});

test("loop form: what else differs makes another one", () => {
  const { key } = formOf(doubling([100], 0, 1), 64);
  const [load, add] = doubling([100], 0, 1).statements as [Statement, Statement];
  const plain = doubling([100], 0, 1);
  const others: Loop[] = [
    doubling([63], 0, 1),
    doubling([100], 0, 1, 1),
    doubling([100], 0, 0),
    { ...plain, extents: [50, 2], stores: [{ statement: 1, access: access(1, [1, 50]) }] },
    { ...plain, statements: [load, { ...add, op: "mul" } as Statement] },
    { ...plain, statements: [load, { kind: "literal", value: 0, dtype: "float32" }] },
    { ...plain, statements: [load, { kind: "literal", value: -0, dtype: "float32" }] },
    { ...plain, statements: [load, { kind: "literal", value: NaN, dtype: "float32" }] },
    { ...plain, statements: [load, { kind: "literal", value: Infinity, dtype: "float32" }] },
    { ...plain, stores: [{ statement: 1, access: access(1, [1], 0, "int32") }] },
  ];
  const keys = others.map((loop) => formOf(loop, 64).key);
  assert.equal(new Set([key, ...keys]).size, 1 + others.length);
});

test("loop form: axes merge where every access allows it, but for reduced ones and along an index", () => {
  const load = (strides: number[]): Statement => ({
    kind: "load",
    access: access(0, strides),
    dtype: "float32",
  });
  const sum: Statement = { kind: "reduce", op: "sum", arg: 0, dtype: "float32" };
  const rows: Loop = {
    extents: [6, 5, 4, 3],
    reduced: 2,
    statements: [load([60, 12, 3, 1]), sum],
    stores: [{ statement: 1, access: access(1, [5, 1, 0, 0]) }],
  };
  const form = formOf(rows, 8);
  assert.deepEqual([form.loop.extents, form.loop.reduced, form.extent], [[8, 4, 3], 2, 30]);
  assert.deepEqual(form.loop.stores[0]!.access.strides, [1, 0, 0]);
  assert.notEqual(form.key, formOf({ ...rows, columns: true }, 8).key);
  const whole = formOf({
    ...rows,
    reduced: 4,
    stores: [{ statement: 1, access: access(1, [0, 0, 0, 0]) }],
  }, 8);
  assert.deepEqual([whole.loop.extents, whole.loop.reduced, whole.extent], [[6, 5, 4, 3], 4, 1]);
  const index: Statement = { kind: "index", axis: 2, stride: 1, offset: 0, dtype: "int32" };
  const indexed = formOf({
    extents: [6, 5, 4, 3],
    reduced: 0,
    statements: [index, { ...index, axis: 1 }],
    stores: [{ statement: 0, access: access(0, [60, 12, 3, 1], 0, "int32") }],
  }, 8);
  assert.deepEqual(indexed.loop.extents, [6, 5, 4, 3]);
  const alone = formOf({
    extents: [6, 5, 1, 4],
    reduced: 0,
    statements: [index],
    stores: [{ statement: 0, access: access(0, [20, 4, 4, 1], 0, "int32") }],
  }, 1000);
  assert.deepEqual(alone.loop.extents, [120]);
  assert.deepEqual(alone.loop.statements, [{ ...index, axis: 0, stride: 0 }]);
});
