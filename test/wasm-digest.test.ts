/** The same bits in Deno, Bun and Node: digests of results, which every runtime must reproduce. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend } from "../backends/wasm/mod.ts";
import { type DType, type TypedArray, viewOf } from "../src/core/dtype.ts";
import type { TensorSpec } from "../src/core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../src/graph/instruction-set.ts";
import { oneKernelProgram } from "./support/run-kernel.ts";

const wasm = wasmBackend({ prepare });
const count = 4001;

/** Bits of every kind: all exponents, and many numbers of common size. */
function inputs(dtype: DType, seed: number): TypedArray {
  const words = new Uint32Array(2 * count);
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    words[i] = (state ^ (state >>> 15)) >>> 0;
    const isHigh = dtype === "float32" || i % 2 === 1;
    if (isHigh && i % 3 !== 0) {
      words[i] = (words[i]! & 0x800fffff) | ((0x3d0 + (words[i]! >>> 26)) << 20);
    }
  }
  return viewOf(dtype, words.buffer, 0, count);
}

/** FNV-1a of the elements, all NaN alike. */
function digest(dtype: DType, array: TypedArray): string {
  const bytes = new Uint8Array(array.buffer);
  const width = bytes.length / array.length;
  let hash = 0x811c9dc5;
  for (let i = 0; i < array.length; i++) {
    for (let byte = 0; byte < width; byte++) {
      const isNaN = array[i] !== array[i];
      hash = Math.imul(hash ^ (isNaN ? 0xff : bytes[i * width + byte]!), 0x01000193);
    }
  }
  return `${dtype} ${(hash >>> 0).toString(16).padStart(8, "0")}`;
}

function run<Name extends PrimitiveName>(
  op: Name,
  params: PrimitiveParams[Name],
  args: readonly { spec: TensorSpec; data: TypedArray }[],
  output: TensorSpec,
): string {
  const operands = args.map(({ spec }) => ({ ...spec, values: [] }));
  const executable = wasm.compile(oneKernelProgram(op, params, operands, output));
  const [result] = executable.run(args.map(({ data }) => wasm.upload(data)));
  return digest(output.dtype, wasm.downloadSync!(result!, output.dtype));
}

// deno-fmt-ignore -- one line
const names = ["cbrt", "rcbrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "logistic", "erf", "pow"] as const;

const expected: Readonly<Record<string, string>> = {
  "cbrt float32": "float32 60135fd3",
  "rcbrt float32": "float32 5901679c",
  "exp float32": "float32 3929a636",
  "expm1 float32": "float32 6d566fa7",
  "log float32": "float32 6864b407",
  "log1p float32": "float32 bf49dbd7",
  "sin float32": "float32 9f589aa0",
  "cos float32": "float32 a2dec45e",
  "tanh float32": "float32 e552ea98",
  "logistic float32": "float32 3289f086",
  "erf float32": "float32 6e4c0204",
  "pow float32": "float32 d82f89c7",
  "cbrt float64": "float64 b9423de6",
  "rcbrt float64": "float64 f2d28fd7",
  "exp float64": "float64 7ba50d9d",
  "expm1 float64": "float64 2655360a",
  "log float64": "float64 a03c18c1",
  "log1p float64": "float64 68ff3776",
  "sin float64": "float64 80120124",
  "cos float64": "float64 1123880e",
  "tanh float64": "float64 6e409cbe",
  "logistic float64": "float64 2d5bdd3b",
  "erf float64": "float64 aef8c601",
  "pow float64": "float64 6fccbf94",
  "sum float32":
    "ded5bb5d 77947c54 ded5bb5d e6d0137d 5c6095a7 b55c00a2 b231f1f7 23a6f636 46b82071 6de37bbd",
  "sum float64":
    "76b40c68 aa54e9ea 76b40c68 0c9ca648 99478ae7 40b50517 eb207f37 1a68c92c 2ee85474 8a49c25c",
};

for (const dtype of ["float32", "float64"] as const) {
  const spec = { shape: [count], dtype };
  const a = { spec, data: inputs(dtype, 1) };
  const b = { spec, data: inputs(dtype, 2) };
  for (const op of names) {
    const key = `${op} ${dtype}`;
    test(`wasm ${key} gives the same bits in every runtime`, () => {
      assert.equal(run(op, {}, op === "pow" ? [a, b] : [a], spec), expected[key]);
    });
  }
  test(`wasm sums of ${dtype} give the same bits in every runtime`, () => {
    // Of common size, so that every rounding shows.
    const x = { data: a.data.map((_, i) => (i * 40503 % 65537) / 30000 - 1) };
    const shapes = [[count], [1, count], [4, 1000], [1000, 4], [20, 10, 20]];
    const sums = shapes.flatMap((shape) =>
      shape.map((_, axis) => {
        const size = shape.reduce((product, extent) => product * extent, 1);
        const part = { spec: { shape, dtype }, data: x.data.slice(0, size) };
        const rest = shape.filter((_, other) => other !== axis);
        return run("reduceSum", { axes: [axis] }, [part], { shape: rest, dtype });
      })
    );
    assert.equal(sums.map((sum) => sum.split(" ")[1]).join(" "), expected[`sum ${dtype}`]);
  });
}
