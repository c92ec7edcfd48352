import assert from "node:assert/strict";
import process from "node:process";
import { prepare } from "../../backends/reference/prepare.ts";
import { type OpenedGpu, openGpu } from "../../backends/webgpu/runtime.ts";
import { lowerKernel } from "../../backends/webgpu/kernels/mod.ts";
import type { Lower, Shader } from "../../backends/webgpu/shader.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { allocate, type DType, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { toArray } from "./run-kernel.ts";

const opening = openGpu("test").catch((error: Error) => error.message);

/**
 * For the options of a test: why it is skipped, or false. With SOFTSTEP_EXPECT_GPU=1 a missing GPU is no reason to skip,
 * so that the tests fail.
 */
export async function skipWithoutGpu(): Promise<string | false> {
  const opened = await opening;
  if (typeof opened !== "string" || process.env["SOFTSTEP_EXPECT_GPU"] === "1") return false;
  return `no GPU: ${opened}`;
}

/** The GPU of the tests. */
export async function gpu(): Promise<OpenedGpu> {
  const opened = await opening;
  assert.ok(typeof opened !== "string", String(opened));
  return opened;
}

/**
 * Whether each shader costs a second and a hundred megabytes to compile, as the large tiles do on SwiftShader: then
 * random shapes, each of which is a shader of its own, are few.
 */
export async function compilesSlowly(): Promise<boolean> {
  const opened = await opening;
  return typeof opened !== "string" && /swiftshader/i.test(opened.description);
}

/** A kernel whose operands are buffers 0, 1, ... in their order, and what they hold. */
export interface KernelCase {
  readonly kernel: Kernel;
  readonly inputs: readonly TypedArray[];
}

/** What the reference computes. */
export function runReference({ kernel, inputs }: KernelCase): TypedArray {
  const { shape, dtype } = kernel.output.spec;
  const out = allocate(dtype, sizeOf(shape));
  let next = 0;
  const operands = kernel.operands.map((operand) =>
    "literal" in operand ? toArray({ ...operand.spec, values: [operand.literal] }) : inputs[next++]!
  );
  prepare(kernel)(out, operands);
  return out;
}

const usage = { storage: 0x80, copySource: 0x4, copyTarget: 0x8, mapRead: 0x1 };
const aligned = (bytes: number) => Math.max(16, Math.ceil(bytes / 16) * 16);

/** Runs kernels with one submission and one readback. Results and scratch buffers hold NaN before. */
export async function runOnGpu(
  cases: readonly KernelCase[],
  lower: Lower = lowerKernel,
): Promise<TypedArray[]> {
  const { device, limits } = await gpu();
  device.pushErrorScope("validation");
  const encoder = device.createCommandEncoder();
  const all: GPUBuffer[] = [];
  const makeBuffer = (bytes: Uint8Array | number, usage: number) => {
    const size = aligned(typeof bytes === "number" ? bytes : bytes.byteLength);
    const buffer = device.createBuffer({
      size,
      usage,
      mappedAtCreation: typeof bytes !== "number",
    });
    if (typeof bytes !== "number") {
      const mapped = new Uint8Array(buffer.getMappedRange());
      mapped.fill(0xff);
      mapped.set(bytes);
      buffer.unmap();
    }
    all.push(buffer);
    return buffer;
  };
  const dirty = (bytes: number) => new Uint8Array(aligned(bytes)).fill(0xff);

  const outputs = cases.map(({ kernel, inputs }) => {
    const size = sizeOf(kernel.output.spec.shape) * 4;
    const lowered = lower(kernel, inputs.length + 1, limits);
    const buffers = [
      ...inputs.map((input) => makeBuffer(toDevice(input), usage.storage)),
      ...[size, ...lowered.buffers].map((bytes) =>
        makeBuffer(dirty(bytes), usage.storage | usage.copySource)
      ),
    ];
    for (const shader of lowered.shaders) dispatch(device, encoder, shader, buffers);
    return { buffer: buffers[inputs.length]!, size };
  });

  let total = 0;
  const offsets = outputs.map(({ size }) => (total += size) - size);
  const staging = makeBuffer(total, usage.mapRead | usage.copyTarget);
  outputs.forEach(({ buffer, size }, i) => {
    if (size > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offsets[i]!, size);
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  assert.equal(error?.message, undefined);
  await staging.mapAsync(1);
  const bytes = staging.getMappedRange().slice(0);
  for (const buffer of all) buffer.destroy();
  return outputs.map(({ size }, i) =>
    fromDevice(cases[i]!.kernel.output.spec.dtype, bytes, offsets[i]!, size / 4)
  );
}

const pipelines = new Map<string, GPUComputePipeline>();

function dispatch(
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  { code, bindings, workgroups, label }: Shader,
  buffers: readonly GPUBuffer[],
): void {
  const key = bindings.map(({ writes }) => writes).join() + code;
  let pipeline = pipelines.get(key);
  if (pipeline === undefined) {
    const layout = device.createBindGroupLayout({
      entries: bindings.map(({ writes }, binding) => ({
        binding,
        visibility: 4,
        buffer: { type: writes ? "storage" : "read-only-storage" },
      })),
    });
    pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: device.createShaderModule({ code, label }), entryPoint: "main" },
    });
    pipelines.set(key, pipeline);
  }
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: bindings.map(({ buffer }, binding) => ({
        binding,
        resource: { buffer: buffers[buffer]! },
      })),
    }),
  );
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
}

/** Every element takes four bytes on the device. */
function toDevice(array: TypedArray): Uint8Array {
  if (array instanceof Uint8Array) return new Uint8Array(Uint32Array.from(array).buffer);
  if (array instanceof Uint16Array) {
    return new Uint8Array(Uint32Array.from(array, (bits) => bits << 16).buffer);
  }
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function fromDevice(dtype: DType, bytes: ArrayBuffer, offset: number, size: number): TypedArray {
  const bits = new Uint32Array(bytes, offset, size);
  if (dtype === "bool") return Uint8Array.from(bits);
  if (dtype === "bfloat16") return Uint16Array.from(bits, (each) => each >>> 16);
  const array = allocate(dtype, size);
  new Uint32Array(array.buffer).set(bits);
  return array;
}
