import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loopShader } from "../backends/webgpu/loop-shader.ts";
import type { Access, Loop, Statement } from "../src/backend/loop.ts";
import { exactLoops, type LoopCase } from "./support/exact-loops.ts";
import { runOnBackend } from "./support/gpu-backend.ts";
import { interpretLoop, loopProgram } from "./support/loop-program.ts";
import { elements } from "./support/run-kernel.ts";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";
import { usualLimits } from "./support/shader-limits.ts";

const options = { skip: await skipWithoutGpu() };

const access = (buffer: number, strides: readonly number[], offset = 0): Access => ({
  buffer,
  dtype: "float32",
  offset,
  strides,
});

test("webgpu loop: a pass over aligned memory is written with vectors", () => {
  const loop: Loop = {
    extents: [30, 8],
    reduced: 0,
    statements: [
      { kind: "load", access: access(0, [8, 1]), dtype: "float32" },
      { kind: "load", access: access(1, [0, 1]), dtype: "float32" },
      { kind: "load", access: access(2, [0, 0]), dtype: "float32" },
      { kind: "apply", op: "mul", params: {}, args: [0, 1], dtype: "float32" },
      { kind: "apply", op: "add", params: {}, args: [3, 2], dtype: "float32" },
    ],
    stores: [{ statement: 4, access: access(0, [8, 1]) }],
  };
  const { code, bindings, workgroups } = loopShader(loop, usualLimits)!;
  assert.deepEqual(workgroups, [1, 1, 1]);
  assert.deepEqual(bindings, [
    { buffer: 0, writes: true },
    { buffer: 1, writes: false },
    { buffer: 2, writes: false },
  ]);
  assert.equal(
    code,
    `@group(0) @binding(0) var<storage, read_write> buffer0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> buffer1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> buffer2: array<f32>;

var<private> guardBits: u32;

fn obscure(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) ^ u32(guardBits));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) inGroup: vec3<u32>) {
  let local = inGroup.x;
  let workgroup = group.x;
  guardBits = group.z >> 1u;
  let v2 = buffer2[0u];
  let point = workgroup * 256u + local;
  if (point >= 60u) {
    return;
  }
  let i1 = point % 2u;
  let rest1 = point / 2u;
  let i0 = rest1;
  let v0 = buffer0[i0 * 2u + i1];
  let v1 = buffer1[i1];
  let v3 = v0 * v1;
  let v4 = v3 + vec4<f32>(obscure(v2));
  buffer0[i0 * 2u + i1] = v4;
}
`,
  );
});

/** In their order: the values of statements, stores, and the question whether an invocation has a point. */
const linesOf = (loop: Loop): string[] =>
  loopShader(loop, usualLimits)!.code.split("\n").flatMap((line) =>
    line.match(/let v(\d+) =|(buffer\d+\[i0\]) =|(point >=)/)?.slice(1).filter(Boolean) ?? []
  );

test("webgpu loop: loads come first, and a store some operations after its value", () => {
  const load = (buffer: number): Statement => ({
    kind: "load",
    access: access(buffer, [1]),
    dtype: "float32",
  });
  const product = (...args: number[]): Statement => ({
    kind: "apply",
    op: "mul",
    params: {},
    args,
    dtype: "float32",
  });
  // Each product takes the one before, and the last one a load too.
  const squares = Array.from({ length: 30 }, (_, i) => product(i + 1, i + 1));
  const lines = linesOf({
    extents: [8],
    reduced: 0,
    statements: [load(0), load(1), ...squares, product(0, 31)],
    stores: [{ statement: 6, access: access(0, [1]) }, { statement: 32, access: access(2, [1]) }],
  });
  assert.deepEqual(lines.slice(0, 4), ["point >=", "0", "1", "2"]);
  const at = (line: string): number => lines.indexOf(line);
  assert.ok(at("buffer0[i0]") > at("8") && at("buffer0[i0]") < at("31"), `${lines}`);
  assert.deepEqual(lines.slice(-2), ["32", "buffer2[i0]"]);
});

test("webgpu loop: a number for all points is loaded before an invocation asks for its point", () => {
  const loop: Loop = {
    extents: [8],
    reduced: 0,
    statements: [
      { kind: "load", access: access(0, [1]), dtype: "float32" },
      { kind: "load", access: access(1, [0]), dtype: "float32" },
      { kind: "apply", op: "mul", params: {}, args: [0, 1], dtype: "float32" },
    ],
    stores: [{ statement: 2, access: access(0, [1]) }],
  };
  assert.deepEqual(linesOf(loop), ["1", "point >=", "0", "2", "buffer0[i0]"]);
  // Others may have stored what an invocation without a point would load.
  const overNumber: Loop = {
    ...loop,
    stores: [...loop.stores, { statement: 2, access: access(1, [0]) }],
  };
  assert.equal(linesOf(overNumber)[0], "point >=");
});

test("webgpu loop: a reduction is combined in a workgroup's memory", () => {
  const loop: Loop = {
    extents: [3, 500],
    reduced: 1,
    statements: [
      { kind: "load", access: access(0, [500, 1]), dtype: "float32" },
      { kind: "reduce", op: "sum", arg: 0, dtype: "float32" },
    ],
    stores: [{ statement: 1, access: access(1, [1, 0]) }],
  };
  const { code, workgroups } = loopShader(loop, usualLimits)!;
  assert.deepEqual(workgroups, [2, 1, 1]);
  assert.match(code, /array<vec4<f32>>;/);
  assert.match(code, /var<workgroup> shared_f32: array<f32, 256>;/);
  assert.match(code, /for \(var k = slice; k < points; k \+= 128u\)/);
});

async function assertLoops(cases: readonly LoopCase[]): Promise<void> {
  const results = await runOnBackend(cases.map(loopProgram));
  cases.forEach((each, i) =>
    assert.deepEqual(
      results[i],
      interpretLoop(each),
      `${JSON.stringify(each.loop)}\n${loopShader(each.loop, usualLimits)?.code}`,
    )
  );
}

test("webgpu loop: random nests give what the interpreter gives", options, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(exactLoops, { minLength: 20, maxLength: 20 }), assertLoops),
    { numRuns: 6 },
  );
});

test("webgpu loop: long reductions to few results, in two stages", options, async () => {
  const shapes: [number[], number][] = [
    [[70000], 1],
    [[100000], 1],
    [[2, 40000], 1],
    [[40000, 3], 2],
    [[3, 9000, 4], 2],
  ];
  const cases = shapes.flatMap(([extents, reduced]) =>
    (["sum", "max"] as const).map((op): LoopCase => {
      const size = extents.reduce((a, b) => a * b, 1);
      const outer = extents.slice(0, extents.length - reduced);
      const results = outer.reduce((a, b) => a * b, 1);
      const strides = extents.map((_, axis) => extents.slice(axis + 1).reduce((a, b) => a * b, 1));
      const to = [...outer.map((_, axis) => outer.slice(axis + 1).reduce((a, b) => a * b, 1))];
      const values = Array.from({ length: size }, (_, i) => i * 7919 % 17 - 8);
      return {
        loop: {
          extents,
          reduced,
          statements: [
            { kind: "load", access: access(0, strides), dtype: "float32" },
            { kind: "reduce", op, arg: 0, dtype: "float32" },
            { kind: "apply", op: "neg", params: {}, args: [1], dtype: "float32" },
          ],
          stores: [{
            statement: 2,
            access: access(1, [...to, ...new Array<number>(reduced).fill(0)]),
          }],
        },
        buffers: [
          elements("float32", [size], values),
          elements("float32", [results], new Array(results).fill(3)),
        ],
      };
    })
  );
  await assertLoops(cases);
});

test("webgpu loop: sums of columns", options, async () => {
  const cases = [[300, 64], [300, 50], [2000, 1], [33, 1000], [100, 4]].map(
    ([rows, columns]): LoopCase => ({
      loop: {
        extents: [columns!, rows!],
        reduced: 1,
        statements: [
          { kind: "load", access: access(0, [1, columns!]), dtype: "float32" },
          { kind: "reduce", op: "sum", arg: 0, dtype: "float32" },
        ],
        stores: [{ statement: 1, access: access(1, [1, 0]) }],
      },
      buffers: [
        elements(
          "float32",
          [rows! * columns!],
          Array.from({ length: rows! * columns! }, (_, i) => i * 7919 % 17 - 8),
        ),
        elements("float32", [columns!], new Array(columns!).fill(3)),
      ],
    }),
  );
  await assertLoops(cases);
});

test("webgpu loop: a sum of -0 is 0, where compilers know the zeros too", options, async () => {
  const loop: Loop = {
    extents: [3, 17],
    reduced: 1,
    statements: [
      { kind: "load", access: { ...access(0, [17, 1]), dtype: "int32" }, dtype: "int32" },
      { kind: "apply", op: "xor", params: {}, args: [0, 0], dtype: "int32" },
      { kind: "apply", op: "cast", params: { dtype: "float32" }, args: [1], dtype: "float32" },
      { kind: "apply", op: "neg", params: {}, args: [2], dtype: "float32" },
      { kind: "reduce", op: "sum", arg: 3, dtype: "float32" },
    ],
    stores: [{ statement: 4, access: access(1, [1, 0]) }],
  };
  const x = elements("int32", [51], Array.from({ length: 51 }, (_, i) => i));
  const each = { loop, buffers: [x, elements("float32", [3], [1, 1, 1])] };
  const [results] = await runOnBackend([loopProgram(each)]);
  assert.deepEqual(results, [[0, 0, 0]]);
});
