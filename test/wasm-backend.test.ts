import assert from "node:assert/strict";
import { test } from "node:test";
import { referenceBackend } from "../backends/reference/mod.ts";
import { prepare } from "../backends/reference/prepare.ts";
import { wasmBackend, wasmSupport } from "../backends/wasm/mod.ts";
import type { Kernel, Program } from "../src/backend/program.ts";
import { DeviceError } from "../src/core/errors.ts";
import { elements, oneKernelProgram, runKernel } from "./support/run-kernel.ts";

const MiB = 2 ** 20;

/** `x + x` of n float32, into a fresh buffer or over x. */
function doubling(n: number, inPlace?: number): Program {
  const spec = { shape: [n], dtype: "float32" } as const;
  const x = elements("float32", [n], []);
  const program = oneKernelProgram("add", {}, [x], spec, inPlace);
  const kernel = program.kernels[0] as Kernel;
  const [operand] = kernel.operands;
  return {
    ...program,
    buffers: program.buffers.filter(({ kind }) => kind === "input" || inPlace === undefined),
    kernels: [{ ...kernel, operands: [operand!, operand!] }],
  };
}

test("wasm: this runtime has what the backend needs", () => {
  assert.equal(wasmSupport().missing, undefined);
  assert.equal(wasmSupport().shared, typeof SharedArrayBuffer !== "undefined");
});

test("wasm: gives back what was uploaded, small or large, as a copy", () => {
  const backend = wasmBackend({ prepare });
  for (const n of [0, 1, 7, 1000, 100_003]) {
    const x = Float64Array.from({ length: n }, (_, i) => i / 3);
    const buffer = backend.upload(x);
    assert.equal(buffer.byteLength, 8 * n);
    const first = backend.downloadSync!(buffer, "float64");
    assert.deepEqual(first, x);
    first.fill(0);
    assert.deepEqual(backend.downloadSync!(buffer, "float64"), x);
  }
});

test("wasm: refuses memory of another device", () => {
  const buffer = referenceBackend().upload(Float32Array.of(1));
  assert.throws(() => wasmBackend({ prepare }).downloadSync!(buffer, "float32"), DeviceError);
});

test("wasm: writes over donated inputs, small or large, and returns them themselves", () => {
  for (const budget of [0, 100 * MiB]) {
    const backend = wasmBackend({ prepare, budget });
    for (const n of [1, 100, 50_000]) {
      const executable = backend.compile(doubling(n, 0));
      const x = backend.upload(new Float32Array(n).fill(3));
      for (let run = 0; run < 3; run++) assert.equal(executable.run([x])[0], x);
      assert.deepEqual(backend.downloadSync!(x, "float32"), new Float32Array(n).fill(24));
    }
  }
});

test("wasm: a loop that never waits does not fill the heap with garbage", () => {
  const backend = wasmBackend({ prepare, budget: 16 * MiB });
  const n = MiB / 4;
  const { run } = backend.compile(doubling(n));
  let x = backend.upload(new Float32Array(n).fill(2 ** -20));
  for (let i = 0; i < 1000; i++) {
    [x] = run([x]) as [typeof x];
    if (i % 40 === 39) x = backend.upload(new Float32Array(n).fill(2 ** -20));
  }
  const { heap, tensors } = backend.memory!();
  assert.ok(tensors <= 16 * MiB, `${tensors} bytes of tensors`);
  assert.ok(heap <= 32 * MiB, `${heap} bytes of heap`);
  // Nor does one that donates all the time.
  const inPlace = backend.compile(doubling(n, 0));
  for (let i = 0; i < 1000; i++) inPlace.run([backend.upload(new Float32Array(n))]);
  assert.ok(backend.memory!().heap <= 200 * MiB);
  assert.equal(backend.downloadSync!(run([x])[0]!, "float32")[n - 1], 2 ** -19);
});

test("wasm: what is written or read again and again moves into the heap, garbage there or not", () => {
  const backend = wasmBackend({ prepare, budget: 4 * MiB });
  const n = MiB / 4;
  const fresh = backend.compile(doubling(n));
  const inPlace = backend.compile(doubling(n, 0));
  for (let i = 0; i < 10; i++) fresh.run([backend.upload(new Float32Array(n))]);
  assert.equal(backend.memory!().tensors, 4 * MiB);
  const [read, written] = [1, 2].map((value) => backend.upload(new Float32Array(n).fill(value)));
  for (let i = 0; i < 3; i++) fresh.run([read!]);
  assert.equal(backend.memory!().tensors, 4 * MiB);
  for (let i = 0; i < 3; i++) fresh.run([read!]);
  assert.equal(backend.memory!().tensors, 5 * MiB);
  inPlace.run([written!]);
  assert.equal(backend.memory!().tensors, 6 * MiB);
  assert.equal(backend.downloadSync!(read!, "float32")[n - 1], 1);
  assert.equal(backend.downloadSync!(written!, "float32")[n - 1], 4);
});

test("wasm: small memory that is read very often moves into the heap, given twice or not", () => {
  const backend = wasmBackend({ prepare });
  const spec = { shape: [4], dtype: "float32" } as const;
  const x = elements("float32", [4], []);
  const { run } = backend.compile(oneKernelProgram("add", {}, [x, x], spec));
  const [a, b] = [1, 2].map((value) => backend.upload(new Float32Array(4).fill(value)));
  const sumOf = (...inputs: Parameters<typeof run>[0][number][]) =>
    backend.downloadSync!(run(inputs)[0]!, "float32");
  for (let i = 0; i < 100; i++) {
    assert.deepEqual(sumOf(a!, a!), new Float32Array(4).fill(2));
    assert.deepEqual(sumOf(a!, b!), new Float32Array(4).fill(3));
  }
  // Each in a cache line of its own.
  assert.equal(backend.memory!().tensors, 128);
});

test("wasm: donated runs take no more memory, however many", () => {
  const backend = wasmBackend({ prepare });
  const { run } = backend.compile(doubling(100_000, 0));
  const x = backend.upload(new Float32Array(100_000));
  run([x]);
  const before = backend.memory!();
  for (let i = 0; i < 1000; i++) run([x]);
  assert.deepEqual(backend.memory!(), before);
});

test("wasm: says what is wanted and what is in use when memory runs out", () => {
  const backend = wasmBackend({ prepare });
  const executable = backend.compile({ ...doubling(4), arenaBytes: 2 ** 33 });
  assert.throws(
    () => executable.run([backend.upload(new Float32Array(4))]),
    (error: unknown) =>
      error instanceof DeviceError &&
      /out of memory: 8589934\d+ bytes are wanted/.test(error.message) &&
      /are in use/.test(error.message),
  );
  // And goes on.
  const { run } = backend.compile(doubling(4));
  const [y] = run([backend.upload(Float32Array.of(1, 2, 3, 4))]);
  assert.deepEqual(backend.downloadSync!(y!, "float32"), Float32Array.of(2, 4, 6, 8));
});

test("wasm: kernels of nothing but numbers fold exactly, whatever the numbers", () => {
  const backend = wasmBackend({ prepare });
  const spec = { shape: [], dtype: "float32" } as const;
  for (const [a, b] of [[1, 2], [0.1, -0], [NaN, 1], [Infinity, 3]]) {
    const [sum] = runKernel(backend, "mul", {}, [a!, b!], spec);
    assert.equal(sum, Math.fround(Math.fround(a!) * Math.fround(b!)));
    const { run } = backend.compile(oneKernelProgram("mul", {}, [a!, b!], spec));
    assert.equal(
      backend.downloadSync!(run([])[0]!, "float32")[0],
      Math.fround(Math.fround(a!) * Math.fround(b!)),
    );
  }
});
