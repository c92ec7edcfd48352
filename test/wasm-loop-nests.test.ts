import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Loop, Statement } from "../src/backend/loop.ts";
import { bytesPerElement, type DType, viewOf } from "../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../src/core/shape.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import { anyElement } from "./support/kernel-arbitraries.ts";
import { toArray } from "./support/run-kernel.ts";
import { access, runBatch, runGenerated, runInterpreted } from "./support/run-loop.ts";
import { anyWay, type AnyWayOptions } from "./support/ways.ts";

const extent = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(7, 8, 17, 33));

const ways: AnyWayOptions = { orders: ["plain", "any"], starts: [0] };

const binary: Partial<Record<DType, readonly ElementwiseName[]>> = {
  float32: ["add", "sub", "mul", "div", "max", "min"],
  float64: ["add", "sub", "mul", "div", "max", "min"],
  int32: ["add", "sub", "mul", "max", "min", "and", "xor"],
  uint32: ["add", "sub", "mul", "max", "min", "or"],
  bool: ["and", "or", "xor"],
};
const kinds = Object.keys(binary) as DType[];

interface Made {
  readonly loop: Loop;
  readonly buffers: ArrayBuffer[];
  readonly cuts: readonly number[];
}

/** A nest of exact instructions on buffers of several dtypes; what it reduces does not depend on the order. */
const anyNest: fc.Arbitrary<Made> = fc.record({
  extents: fc.array(extent, { minLength: 1, maxLength: 4 })
    .filter((extents) => sizeOf(extents) <= 2000),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
}).chain(({ extents, cuts }) =>
  fc.record({
    reduced: fc.integer({ min: 0, max: extents.length }),
    loads: fc.array(fc.tuple(fc.constantFrom(...kinds), anyWay(extents, ways)), {
      minLength: 1,
      maxLength: 4,
    }),
    indices: fc.array(
      fc.tuple(fc.nat(extents.length - 1), fc.integer({ min: -3, max: 3 }), fc.integer()),
      { maxLength: 1 },
    ),
    steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.constantFrom(...kinds)), {
      maxLength: 6,
    }),
    values: fc.infiniteStream(fc.nat()),
    out: anyWay(extents, ways),
  }).map(({ reduced, loads, indices, steps, values, out }): Made => {
    const buffers: ArrayBuffer[] = [];
    const statements: Statement[] = [];
    for (const [dtype, { strides, offset, size }] of loads) {
      const seed = values.next().value as number;
      const [numbers] = fc.sample(
        fc.array(anyElement[dtype], { minLength: size, maxLength: size }),
        { seed, numRuns: 1 },
      );
      const buffer = buffers.push(
        toArray({ dtype, shape: [size], values: numbers! }).buffer as ArrayBuffer,
      ) - 1;
      const from = access(buffer, strides, offset, dtype);
      statements.push({ kind: "load", access: from, dtype });
    }
    for (const [axis, stride, offset] of indices) {
      statements.push({ kind: "index", axis, stride, offset, dtype: "int32" });
    }
    for (const [which, left, right, to] of steps) {
      const a = left % statements.length;
      const { dtype } = statements[a]!;
      const others = statements.flatMap((other, i) => other.dtype === dtype ? [i] : []);
      const b = others[right % others.length]!;
      const names = binary[dtype]!;
      statements.push(
        which % 4 === 0
          ? { kind: "apply", op: "cast", params: { dtype: to }, args: [a], dtype: to }
          : { kind: "apply", op: names[which % names.length]!, params: {}, args: [a, b], dtype },
      );
    }
    const last = statements.length - 1;
    const { dtype } = statements[last]!;
    let result = last;
    if (reduced > 0) {
      const isInteger = dtype === "int32" || dtype === "uint32";
      const op = isInteger ? "sum" : sizeOf(extents) % 2 === 0 ? "max" : "min";
      statements.push({ kind: "reduce", op, arg: last, dtype });
      result = statements.push({
        kind: "apply",
        op: binary[dtype]![0]!,
        params: {},
        args: [last + 1, last + 1],
        dtype,
      }) - 1;
    }
    const outer = extents.slice(0, extents.length - reduced);
    const stores = [];
    if (reduced > 0) {
      const buffer = buffers.push(new ArrayBuffer(sizeOf(outer) * bytesPerElement(dtype))) - 1;
      const strides = [...stridesOf(outer), ...new Array<number>(reduced).fill(0)];
      stores.push({ statement: result, access: access(buffer, strides, 0, dtype) });
    }
    // Every point has a place of its own.
    if (out.strides.every((stride, axis) => stride !== 0 || extents[axis] === 1)) {
      const buffer = buffers.push(new ArrayBuffer(out.size * bytesPerElement(dtype))) - 1;
      const to = access(buffer, out.strides, out.offset, dtype);
      stores.push({ statement: last, access: to });
    }
    return { loop: { extents, reduced, statements, stores }, buffers, cuts };
  })
);

/** As elements, so that all NaN are equal. */
function elementsOf({ stores }: Loop, buffers: readonly ArrayBuffer[]): unknown[] {
  return stores.map(({ access: { buffer, dtype } }) => {
    const data = buffers[buffer]!;
    return Array.from(viewOf(dtype, data, 0, data.byteLength / bytesPerElement(dtype)));
  });
}

test("wasm: nests of exact instructions give the interpreter's bits, however they are divided", () => {
  fc.assert(
    fc.property(anyNest, ({ loop, buffers, cuts }) => {
      const expected = runInterpreted(loop, buffers);
      const whole = runGenerated(loop, buffers);
      assert.deepEqual(elementsOf(loop, whole), elementsOf(loop, expected));
      const parts = runGenerated(loop, buffers, (length) => {
        return cuts.map((cut) => Math.floor(cut * length)).sort((a, b) => a - b);
      });
      assert.deepEqual(elementsOf(loop, parts), elementsOf(loop, whole));
    }),
    { numRuns: 400 },
  );
});

test("wasm: one batch of nests of one form gives the bits of each, however it is divided", () => {
  fc.assert(
    fc.property(anyNest, fc.integer({ min: 1, max: 4 }), ({ loop, buffers, cuts }, count) => {
      const whole = elementsOf(loop, runGenerated(loop, buffers));
      const sets = Array.from({ length: count }, () => buffers);
      const batches = runBatch(loop, sets, (units) => {
        return cuts.map((cut) => Math.floor(cut * units)).sort((a, b) => a - b);
      });
      for (const batch of batches) assert.deepEqual(elementsOf(loop, batch), whole);
    }),
    { numRuns: 400 },
  );
});

const sumOf = (extents: number[], reduced: number, strides: number[]): Loop => ({
  extents,
  reduced,
  statements: [
    { kind: "load", access: access(0, strides), dtype: "float32" },
    { kind: "apply", op: "mul", params: {}, args: [0, 0], dtype: "float32" },
    { kind: "apply", op: "sub", params: {}, args: [1, 0], dtype: "float32" },
    { kind: "reduce", op: "sum", arg: 2, dtype: "float32" },
  ],
  stores: [{
    statement: 3,
    access: access(1, [
      ...stridesOf(extents.slice(0, extents.length - reduced)),
      ...new Array<number>(reduced).fill(0),
    ]),
  }],
});

test("wasm: sums of float32 are near those in float64, the same again and for any division", () => {
  fc.assert(
    fc.property(
      fc.constantFrom([1, 5000], [1, 4096], [1, 4099], [3, 1000], [33, 40], [40, 33], [5, 3], [
        1,
        1,
      ]),
      fc.boolean(),
      fc.integer(),
      (shape, across, seed) => {
        const [rows, columns] = shape as [number, number];
        const size = rows * columns;
        const [values] = fc.sample(
          fc.array(fc.float({ min: -4, max: 4, noNaN: true }), {
            minLength: size,
            maxLength: size,
          }),
          { seed, numRuns: 1 },
        );
        const x = Float32Array.from(values!);
        const loop = sumOf([rows, columns], 1, across ? [1, rows] : [columns, 1]);
        const run = (cuts: number[]) => {
          const results = runGenerated(loop, [x.buffer, new ArrayBuffer(4 * rows)], () => cuts);
          return new Float32Array(results[1]!);
        };
        const sums = run([]);
        for (let row = 0; row < rows; row++) {
          let [sum, sizes] = [0, 0];
          for (let i = 0; i < columns; i++) {
            const each = x[across ? i * rows + row : row * columns + i]!;
            const term = Math.fround(Math.fround(each * each) - each);
            sum += term;
            sizes += Math.abs(term);
          }
          // The error bound of sums in order, for at most 4096 float32.
          assert.ok(
            Math.abs(sums[row]! - sum) <= sizes * Math.min(columns, 4096) * 2 ** -24 + 2 ** -149,
          );
        }
        assert.deepEqual(run([]), sums);
        assert.deepEqual(run([Math.floor(rows / 3), Math.floor(rows / 2)]), sums);
      },
    ),
    { numRuns: 40 },
  );
});

test("wasm: a nest without points along the reduced axes gives the neutral elements", () => {
  const results = runGenerated(sumOf([3, 0], 1, [0, 1]), [
    new ArrayBuffer(0),
    Float32Array.of(7, 7, 7).buffer,
  ]);
  assert.deepEqual(Array.from(new Float32Array(results[1]!)), [0, 0, 0]);
});

test("wasm: a nest that stores where it loads reads each point first", () => {
  const n = 1003;
  const x = Float32Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i)));
  const y = Float32Array.from({ length: n }, (_, i) => Math.fround(Math.cos(i)));
  const loop: Loop = {
    extents: [n],
    reduced: 0,
    statements: [
      { kind: "load", access: access(0, [1]), dtype: "float32" },
      { kind: "load", access: access(1, [1]), dtype: "float32" },
      { kind: "apply", op: "add", params: {}, args: [0, 1], dtype: "float32" },
      { kind: "apply", op: "sub", params: {}, args: [0, 1], dtype: "float32" },
    ],
    stores: [{ statement: 2, access: access(0, [1]) }, { statement: 3, access: access(1, [1]) }],
  };
  const [sum, difference] = runGenerated(loop, [x.buffer, y.buffer]).map((each) =>
    new Float32Array(each)
  );
  for (let i = 0; i < n; i++) {
    assert.equal(sum![i], Math.fround(x[i]! + y[i]!));
    assert.equal(difference![i], Math.fround(x[i]! - y[i]!));
  }
});

const edges = [0, -0, 1, -1, 2 ** -149, -(2 ** -149), 1e30, -1e30, Infinity, -Infinity, NaN];

test("wasm: max and min are exact whatever is known of an operand: a number, or no sign", () => {
  const run = (
    op: "max" | "min",
    dtype: DType,
    known: "literal" | "abs",
    left: boolean,
    of: number,
  ) => {
    const own = dtype === "float32" ? Float32Array : Float64Array;
    const [x, y] = [own.from(edges), own.from(edges.map(() => of))];
    const second: Statement[] = known === "literal" ? [{ kind: "literal", value: of, dtype }] : [
      { kind: "load", access: access(1, [1], 0, dtype), dtype },
      { kind: "apply", op: "abs", params: {}, args: [1], dtype },
    ];
    const last = second.length;
    const loop: Loop = {
      extents: [edges.length],
      reduced: 0,
      statements: [
        { kind: "load", access: access(0, [1], 0, dtype), dtype },
        ...second,
        { kind: "apply", op, params: {}, args: left ? [last, 0] : [0, last], dtype },
      ],
      stores: [{ statement: last + 1, access: access(2, [1], 0, dtype) }],
    };
    const results = runGenerated(loop, [x.buffer, y.buffer, new ArrayBuffer(x.byteLength)]);
    return Array.from(new own(results[2]!));
  };
  for (const dtype of ["float32", "float64"] as const) {
    for (const op of ["max", "min"] as const) {
      for (const known of ["literal", "abs"] as const) {
        for (const left of [false, true]) {
          for (const of of edges) {
            const right = known === "abs" ? Math.abs(of) : of;
            const round = dtype === "float32" ? Math.fround : (x: number) => x;
            const expected = edges.map((x) => Math[op](round(x), round(right)));
            assert.deepEqual(
              run(op, dtype, known, left, of),
              expected,
              `${op} ${dtype} ${known} ${of}`,
            );
          }
        }
      }
    }
  }
});
