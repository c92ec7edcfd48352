/** What gpu.js, or the compilers behind it, get wrong where nothing is done about it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Loop, Statement } from "../src/backend/loop.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import { gpujsFor, modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import { compute } from "./support/gpujs-loops.ts";
import { freshLoopProgram } from "./support/loop-program.ts";
import { apply, exponentBits, literal, load } from "./support/loop-statements.ts";
import { elements } from "./support/run-kernel.ts";
import { access } from "./support/run-loop.ts";

const specials = elements("float32", [6], [1, NaN, Infinity, -Infinity, 0, -3]);

for (const mode of modes) {
  const options = { skip: await skipped(mode) };
  const substitute = mode === "webgpu" ? "WGSL" : "host";

  test(`gpujs ${mode}: indices past 2^24 are exact`, options, async () => {
    const stride = 2 ** 20 + 1;
    const size = 17 * stride;
    const backend = await gpujsFor(mode);
    const data = Float32Array.from({ length: size }, (_, i) => i % 4093);
    const loop: Loop = {
      extents: [17],
      reduced: 0,
      // 16 times the stride, and 1, is odd and past 2^24.
      statements: [load(0, [stride], 1)],
      stores: [{ statement: 0, access: access(1, [1]) }],
    };
    const buffer = backend.upload(data);
    const executable = backend.compile({
      kernels: [{ op: "loop", loop }],
      arenaBytes: 0,
      buffers: [
        { kind: "input", input: 0, byteLength: 4 * size },
        { kind: "fresh", byteLength: 4 * 17 },
      ],
      inputs: [{ shape: [size], dtype: "float32" }],
      outputs: [{ buffer: 1, spec: { shape: [17], dtype: "float32" } }],
    });
    assert.deepEqual(executable.ways, ["gpu.js"]);
    const [result] = executable.run([buffer]);
    const expected = Array.from({ length: 17 }, (_, i) => (i * stride + 1) % 4093);
    assert.deepEqual([...await backend.download(result!, "float32")], expected);
    backend.free(buffer);
    backend.free(result!);
  });

  test(
    `gpujs ${mode}: NaN is found, and goes through sums and products that cancel`,
    options,
    async () => {
      const isNaN = [apply("equal", [0, 0], "bool"), apply("not", [1], "bool")];
      assert.deepEqual((await compute(mode, [specials], isNaN)).values, [0, 1, 0, 0, 0, 0]);
      const difference = await compute(mode, [specials], [apply("sub", [0, 0])]);
      assert.deepEqual(difference.values, [0, NaN, NaN, NaN, 0, 0]);
      const product = await compute(mode, [specials], [literal(0), apply("mul", [0, 1])]);
      assert.deepEqual(product.values.map((value) => value + 0), [0, NaN, NaN, NaN, 0, 0]);
      const masked = await compute(mode, [specials], [
        apply("less", [0, 0], "bool"),
        apply("cast", [1]),
        apply("mul", [0, 2]),
      ]);
      assert.deepEqual(masked.values.map((value) => value + 0), [0, NaN, NaN, NaN, 0, 0]);
      const largest = await compute(mode, [specials], [literal(0), apply("max", [0, 1])]);
      assert.deepEqual(largest.values, [1, NaN, Infinity, 0, 0, 0]);
      const finite = await compute(mode, [specials], [apply("isFinite", [0], "bool")]);
      assert.deepEqual(finite.values, [1, 0, 0, 0, 1, 1]);
    },
  );

  test(`gpujs ${mode}: sums are not taken apart`, options, async () => {
    const x = elements("float32", [3], [0.75, 3, 1e-3]);
    const { values, way } = await compute(mode, [x], [
      literal(2 ** 23),
      apply("add", [0, 1]),
      apply("sub", [2, 1]),
    ]);
    assert.deepEqual([values, way], [[1, 3, 0], "gpu.js"]);
  });

  test(`gpujs ${mode}: functions reach to the ends of float32`, options, async () => {
    const values = [2.5e38, 3.4e38, 1e37, 1.5e-38, 3e-38, 1, 8].map(Math.fround);
    const x = elements("float32", [values.length], values);
    const exact = {
      log: Math.log,
      cbrt: Math.cbrt,
      exp: (x: number) => x < 100 ? Math.exp(x) : Infinity,
      log1p: Math.log1p,
      tanh: Math.tanh,
    } as const;
    for (const [op, f] of Object.entries(exact)) {
      const { values: results, way } = await compute(mode, [x], [
        apply(op as ElementwiseName, [0]),
      ]);
      assert.equal(way, "gpu.js");
      results.forEach((result, i) => {
        const wanted = Math.fround(f(values[i]!));
        const isClose = result === wanted || Math.abs(result - wanted) <= 5e-7 * Math.abs(wanted);
        assert.ok(isClose, `${op} of ${values[i]} is ${result}; expected ${wanted}`);
      });
    }
    const root = await compute(mode, [x], [literal(0.5), apply("pow", [0, 1])]);
    const inverse = await compute(mode, [x], [literal(-1), apply("pow", [0, 1])]);
    values.forEach((value, i) => {
      const wanted = Math.sqrt(value);
      assert.ok(Math.abs(root.values[i]! - wanted) <= 5e-7 * wanted, `${value} ** 0.5`);
      // Subnormal results may be 0.
      assert.ok(
        Math.abs(inverse.values[i]! - 1 / value) <= 5e-7 / value + 1.2e-38,
        `${value} ** -1`,
      );
    });
  });

  test(`gpujs ${mode}: numbers that have no literal`, options, async () => {
    const all = [Infinity, -Infinity, NaN, 0, -0, 1e-40, 3.4028234663852886e38, 1e-7, 16777216];
    for (const value of all) {
      const { values, way } = await compute(mode, [elements("float32", [1], [1])], [
        literal(value),
      ]);
      assert.equal(way, "gpu.js");
      if (value !== 1e-40) assert.deepEqual(values, [Math.fround(value)]);
    }
  });

  test(
    `gpujs ${mode}: whole numbers that float32 does not hold go elsewhere`,
    options,
    async () => {
      const large = [2 ** 24 + 1, -(2 ** 24) - 1, 2 ** 31 - 1, -(2 ** 31), 5, 0];
      const x = elements("int32", [large.length], large);
      const one = literal(1, "int32");
      const moved = await compute(mode, [x], [apply("stopGradient", [0], "int32")]);
      assert.deepEqual([moved.values, moved.way], [large, substitute]);
      const sum = await compute(mode, [x], [one, apply("add", [0, 1], "int32")]);
      assert.deepEqual(sum.values, large.map((value) => (value + 1) | 0));
      assert.equal(sum.way, substitute);
      // What needs no exact operand stays.
      const five = literal(5, "int32");
      for (
        const [op, expected] of [["less", [0, 1, 0, 1, 0, 1]], ["equal", [
          0,
          0,
          0,
          0,
          1,
          0,
        ]]] as const
      ) {
        const { values, way } = await compute(mode, [x], [five, apply(op, [0, 1], "bool")]);
        assert.deepEqual([values, way], [expected, "gpu.js"]);
      }
      const bound = literal(2 ** 24 + 2, "int32");
      const compared = await compute(mode, [x], [bound, apply("less", [0, 1], "bool")]);
      assert.deepEqual(compared.values, [1, 1, 0, 1, 1, 1]);
      const float = await compute(mode, [x], [apply("cast", [0])]);
      assert.deepEqual([float.values, float.way], [large.map(Math.fround), "gpu.js"]);
    },
  );

  test(`gpujs ${mode}: a power of two from the bits of a number is exact`, options, async () => {
    const values = [1, 1.5, 0.75, 2 ** -126, 3e-38, 2 ** 126, 3e38, Infinity, 0, 4 - 2 ** -22]
      .map(Math.fround);
    const x = elements("float32", [values.length], values);
    const power = (x: number): number =>
      2 ** Math.min(Math.max(Math.floor(Math.log2(x)), -126), 126);
    const expected = values.map(power);
    const scale = await compute(mode, [x], [...exponentBits, apply("bitcast", [7])]);
    assert.deepEqual([scale.values, scale.way], [expected, "gpu.js"]);
    const inverse = await compute(mode, [x], [
      ...exponentBits,
      literal(0x7f000000, "int32"),
      apply("sub", [8, 7], "int32"),
      apply("bitcast", [9]),
    ]);
    assert.deepEqual([inverse.values, inverse.way], [expected.map((each) => 1 / each), "gpu.js"]);
    // The bits themselves, and what nobody has bounded, are not gpu.js's.
    assert.equal((await compute(mode, [x], exponentBits.slice(0, 1))).way, substitute);
    const free = await compute(mode, [x], [
      exponentBits[0]!,
      literal(0x7f800000, "int32"),
      apply("and", [1, 2], "int32"),
      apply("bitcast", [3]),
    ]);
    assert.equal(free.way, substitute);
  });

  test(`gpujs ${mode}: positions are whole numbers as far as they are exact`, options, async () => {
    const index = (stride: number): Statement => ({
      kind: "index",
      axis: 0,
      stride,
      offset: 1,
      dtype: "int32",
    });
    const x = elements("float32", [5], [0, 0, 0, 0, 0]);
    const small = await compute(mode, [x], [index(4)]);
    assert.deepEqual([small.values, small.way], [[1, 5, 9, 13, 17], "gpu.js"]);
    const large = await compute(mode, [x], [index(2 ** 24)]);
    assert.deepEqual([large.values, large.way], [
      [0, 1, 2, 3, 4].map((i) => i * 2 ** 24 + 1),
      substitute,
    ]);
  });

  test(
    `gpujs ${mode}: results over operands are made of what was there before`,
    options,
    async () => {
      const a = elements("float32", [3], [1, 2, 3]);
      const b = elements("float32", [3], [10, 20, 30]);
      const count = elements("int32", [3], [2 ** 24, 7, 8]);
      const loop: Loop = {
        extents: [3],
        reduced: 0,
        statements: [
          load(0),
          load(1),
          apply("add", [0, 1]),
          apply("sub", [0, 1]),
          load(2, [1], 0, "int32"),
          literal(1, "int32"),
          apply("add", [4, 5], "int32"),
          apply("mul", [2, 3]),
        ],
        stores: [
          { statement: 3, access: access(1, [1]) },
          { statement: 2, access: access(0, [1]) },
          { statement: 6, access: access(2, [1], 0, "int32") },
          { statement: 7, access: access(3, [1]) },
        ],
      };
      const each = freshLoopProgram(loop, [a, b, count], [{ dtype: "float32", size: 3 }]);
      const [result] = await runProgramsOn(mode, [each]);
      assert.deepEqual(result!.values, [[-9, -18, -27], [11, 22, 33], [2 ** 24 + 1, 8, 9], [
        -99,
        -396,
        -891,
      ]]);
      assert.deepEqual(result!.ways, [`gpu.js and ${substitute}`]);
    },
  );

  test(`gpujs ${mode}: more arrays than a kernel may read`, options, async () => {
    const n = 40;
    const inputs = Array.from({ length: n }, (_, i) => elements("float32", [2], [i, -i]));
    const statements: Statement[] = inputs.map((_, i) => load(i));
    for (let i = 0; i < n - 1; i++) statements.push(apply("add", [i === 0 ? 0 : n + i - 1, i + 1]));
    const loop: Loop = {
      extents: [2],
      reduced: 0,
      statements,
      stores: [{ statement: statements.length - 1, access: access(n, [1]) }],
    };
    const [result] = await runProgramsOn(mode === "webgpu" ? "cpu" : mode, [
      freshLoopProgram(loop, inputs, [{ dtype: "float32", size: 2 }]),
    ]);
    assert.deepEqual(result!.values, [[780, -780]]);
    const backend = await gpujsFor(mode);
    if (mode === "webgpu") assert.ok(backend.buffersPerLoop! >= 7 && backend.buffersPerLoop! < 64);
  });
}
