import { accessesOf, prepareLoop } from "../../backends/reference/loop.ts";
import { emitLoop } from "../../backends/wasm/loop.ts";
import { batchTableLength, emitBatch } from "../../backends/wasm/loop-batch.ts";
import { createModule, type ModuleBuilder } from "../../backends/wasm/module.ts";
import type { Access, Loop } from "../../src/backend/loop.ts";
import { formOf } from "../../src/backend/loop-form.ts";
import { bytesPerElement, type DType, type TypedArray, viewOf } from "../../src/core/dtype.ts";

const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536 });

/** A load or store of float32, or of another dtype. */
export function access(
  buffer: number,
  strides: readonly number[],
  offset = 0,
  dtype: DType = "float32",
): Access {
  return { buffer, dtype, offset, strides };
}

/** Where a dispatch is cut, given how many units it has. */
type Cuts = (units: number) => number[];

/** Runs the generated code on copies of the buffers, which lie at odd distances, and gives the copies. */
export function runGenerated(
  loop: Loop,
  buffers: readonly ArrayBuffer[],
  cuts: Cuts = () => [],
): ArrayBuffer[] {
  const module = createModule();
  module.importMemory(0, 65536, false);
  const code = emitLoop(module, new Map(), loop);
  module.export("run", code.func);
  return inMemory(buffers, (addresses) => {
    const args = code.buffers.map((buffer) => addresses[buffer]!);
    runParts(module, args, code.extent, cuts);
  });
}

/** Runs the code for the loop's form, as a batch over several sets of its buffers, and gives copies of all sets. */
export function runBatch(
  loop: Loop,
  sets: readonly (readonly ArrayBuffer[])[],
  cuts: Cuts = () => [],
): ArrayBuffer[][] {
  const form = formOf(loop, 8);
  const module = createModule();
  module.importMemory(0, 65536, false);
  const code = emitLoop(module, new Map(), form.loop);
  module.export("run", emitBatch(module, code.func, code.buffers.length));
  const table = new ArrayBuffer(4 * batchTableLength(sets.length, code.buffers.length));
  const [, ...results] = inMemory([table, ...sets.flat()], ([at, ...addresses]) => {
    const words = new Int32Array(memory.buffer, at, table.byteLength / 4);
    words.set([
      ...sets.flatMap(({ length }, row) => [
        row * form.extent,
        ...code.buffers.map((buffer) => addresses[row * length + form.buffers[buffer]!]!),
      ]),
      sets.length * form.extent,
    ]);
    runParts(module, [at!, sets.length], sets.length * form.extent, cuts);
  });
  return sets.map(({ length }, row) => results.slice(row * length, (row + 1) * length));
}

function runParts(
  module: ModuleBuilder,
  args: readonly number[],
  units: number,
  cuts: Cuts,
): void {
  const compiled = new WebAssembly.Module(module.encode());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const bounds = [0, ...cuts(units), units];
  for (let i = 1; i < bounds.length; i++) {
    (exports.run as (...args: number[]) => void)(...args, bounds[i - 1]!, bounds[i]!);
  }
}

function inMemory(
  buffers: readonly ArrayBuffer[],
  run: (addresses: readonly number[]) => void,
): ArrayBuffer[] {
  let end = 8;
  const addresses = buffers.map((buffer) => {
    const address = end;
    end += Math.ceil(buffer.byteLength / 8) * 8 + 8;
    return address;
  });
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  // What lies between the buffers must stay.
  const bytes = new Uint8Array(memory.buffer, 0, end).fill(0xa5);
  buffers.forEach((buffer, i) => bytes.set(new Uint8Array(buffer), addresses[i]!));
  run(addresses);
  const results = buffers.map((buffer, i) =>
    memory.buffer.slice(addresses[i]!, addresses[i]! + buffer.byteLength)
  );
  buffers.forEach((buffer, i) => bytes.fill(0xa5, addresses[i], addresses[i]! + buffer.byteLength));
  if (bytes.some((byte) => byte !== 0xa5)) throw new Error("wrote outside of the buffers");
  return results;
}

/** Runs the reference backend's interpreter on copies of the buffers, and gives the copies. */
export function runInterpreted(loop: Loop, buffers: readonly ArrayBuffer[]): ArrayBuffer[] {
  const results = buffers.map((buffer) => buffer.slice(0));
  const view = ({ dtype, buffer }: Access): TypedArray => {
    const data = results[buffer]!;
    return viewOf(dtype, data, 0, Math.floor(data.byteLength / bytesPerElement(dtype)));
  };
  prepareLoop(loop)(accessesOf(loop).map(view));
  return results;
}

const widths: Partial<Record<DType, number>> = { float32: 24, float64: 53 };

/** How many units in the last place of `expected` lie between two floats; 0 for two NaN, Infinity if one is. */
export function ulpsBetween(dtype: DType, actual: number, expected: number): number {
  if (Object.is(actual, expected) || (actual !== actual && expected !== expected)) return 0;
  const digits = widths[dtype];
  if (digits === undefined || !Number.isFinite(actual) || !Number.isFinite(expected)) {
    return Infinity;
  }
  // The signs of zeros count.
  if (actual === 0 && expected === 0) return Infinity;
  const exponent = Math.max(
    Math.floor(Math.log2(Math.abs(expected))),
    dtype === "float32" ? -126 : -1022,
  );
  return Math.abs(actual - expected) / 2 ** (exponent - digits + 1);
}
