import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import "../backends/register.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { backendOf } from "../src/backend/registry.ts";
import { bytesPerElement, dtypes } from "../src/core/dtype.ts";
import { DeviceError } from "../src/core/errors.ts";
import { sizeOf } from "../src/core/shape.ts";
import type { Kernel, Program } from "../src/backend/program.ts";
import { anyElements, anyShape } from "./support/kernel-arbitraries.ts";
import { elements, fromArray, oneKernelProgram, toArray } from "./support/run-kernel.ts";

const backend = referenceBackend();
const download = backend.downloadSync!;
const pair = { shape: [2], dtype: "float32" } as const;

test("what is uploaded is downloaded, of every dtype, and both are copies", async () => {
  await fc.assert(fc.asyncProperty(
    fc.constantFrom(...dtypes).chain((dtype) => anyShape().chain((s) => anyElements(dtype, s))),
    async (x) => {
      const array = toArray(x);
      const buffer = backend.upload(array);
      assert.equal(buffer.byteLength, sizeOf(x.shape) * bytesPerElement(x.dtype));
      array.fill(1);
      download(buffer, x.dtype).fill(1);
      assert.deepEqual(fromArray(x.dtype, download(buffer, x.dtype)), x.values);
      assert.deepEqual(fromArray(x.dtype, await backend.download(buffer, x.dtype)), x.values);
    },
  ));
});

test("a part of a larger array uploads alone", () => {
  const part = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
  assert.deepEqual(download(backend.upload(part), "float32"), new Float32Array([2, 3]));
});

test("a run leaves its inputs as they are, and two runs give memory of their own", () => {
  const x = elements("float32", [2], [1, 2]);
  const executable = backend.compile(oneKernelProgram("add", {}, [x, x], pair));
  const input = backend.upload(toArray(x));
  const [first] = executable.run([input, input]);
  const [second] = executable.run([first!, input]);
  assert.deepEqual(fromArray("float32", download(input, "float32")), [1, 2]);
  assert.deepEqual(fromArray("float32", download(first!, "float32")), [2, 4]);
  assert.deepEqual(fromArray("float32", download(second!, "float32")), [3, 6]);
});

test("an output written over a donated input is that input's buffer itself", () => {
  const x = elements("float32", [2], [1, 2]);
  const executable = backend.compile(oneKernelProgram("mul", {}, [x, 3], pair, 0));
  const input = backend.upload(toArray(x));
  const [output] = executable.run([input]);
  assert.equal(output, input);
  assert.deepEqual(fromArray("float32", download(input, "float32")), [3, 6]);
});

test("kernels hand values on through the arena, whose places are used again", () => {
  // y = -(exp(x) + x), z = isFinite(y); the arena holds exp(x) at 8 and, in place of it, the sum.
  const bools = { shape: [2], dtype: "bool" } as const;
  const kernels = [
    {
      op: "exp",
      params: {},
      operands: [{ buffer: 0, spec: pair }],
      output: { buffer: 1, spec: pair },
    },
    {
      op: "add",
      params: {},
      operands: [{ buffer: 1, spec: pair }, { buffer: 0, spec: pair }],
      output: { buffer: 1, spec: pair },
    },
    {
      op: "neg",
      params: {},
      operands: [{ buffer: 1, spec: pair }],
      output: { buffer: 2, spec: pair },
    },
    {
      op: "isFinite",
      params: {},
      operands: [{ buffer: 2, spec: pair }],
      output: { buffer: 3, spec: bools },
    },
  ] as Kernel[];
  const program: Program = {
    buffers: [
      { kind: "input", input: 0, byteLength: 8 },
      { kind: "arena", byteOffset: 8, byteLength: 8 },
      { kind: "fresh", byteLength: 8 },
      { kind: "fresh", byteLength: 2 },
    ],
    kernels,
    inputs: [pair],
    outputs: [{ buffer: 2, spec: pair }, { buffer: 3, spec: bools }],
    arenaBytes: 16,
  };
  const executable = backend.compile(program);
  const run = (values: number[]) => executable.run([backend.upload(new Float32Array(values))]);
  const [y, finite] = run([0, 100]);
  const [later] = run([0, 0]);
  assert.deepEqual(fromArray("float32", download(y!, "float32")), [-1, -Infinity]);
  assert.deepEqual(fromArray("bool", download(finite!, "bool")), [1, 0]);
  assert.deepEqual(fromArray("float32", download(later!, "float32")), [-1, -1]);
});

test("memory of another device is refused", () => {
  assert.throws(() => download({ byteLength: 4 }, "float32"), DeviceError);
});

test("the devices cpu and reference are registered", () => {
  assert.equal(backendOf("test", "cpu").name, "wasm");
  assert.equal(backendOf("test", "reference").name, "reference");
});
