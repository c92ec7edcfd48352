import type { Backend, Executable } from "../../src/backend/backend.ts";
import type { Program } from "../../src/backend/program.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { createDownloads } from "./downloads.ts";
import { createExecutable, createRunner, type Machine } from "./executable.ts";
import { watch } from "./health.ts";
import { createMemory, type WebgpuBuffer } from "./memory.ts";
import { createPipelines } from "./pipelines.ts";
import { sweepsPay } from "./reduction-stages.ts";
import type { OpenedGpu } from "./runtime.ts";
import { elementBytes, type OtherShaders, type Shader, type ShaderLimits } from "./shader.ts";
import { deviceDTypes, refuseDouble, toDevice } from "./transfer.ts";

/** What has happened on a device so far. */
export interface GpuStatistics {
  /** Submits to the queue, those of downloads included. */
  readonly submits: number;
  readonly dispatches: number;
  /** Tensors that are alive: buffers that were not given back. */
  readonly liveHandles: number;
  /** Compiled shaders. */
  readonly pipelines: number;
}

/** A backend whose device and buffers others may share. */
export interface WebgpuBackend extends Backend {
  readonly device: GPUDevice;
  readonly limits: ShaderLimits;
  readonly compile: (program: Program) => Executable;
  readonly upload: (data: TypedArray) => WebgpuBuffer;
  readonly free: (buffer: DeviceBuffer) => void;
  /** Memory that the caller's own shaders write. */
  readonly allocate: (byteLength: number) => WebgpuBuffer;
  /** Makes the caller's own shader ready, to be run on buffers in the order of its bindings. */
  readonly shader: (shader: Shader) => (buffers: readonly DeviceBuffer[]) => void;
  readonly statistics: () => GpuStatistics;
  /** Whether the device has failed, and its tensors are not to be trusted. */
  readonly hasFailed: () => boolean;
}

/** WGSL generated at run time, on a GPU. */
export function webgpuBackend(
  { device, description, limits }: OpenedGpu,
  others: OtherShaders = {},
): WebgpuBackend {
  const memory = createMemory(device);
  const health = watch(device, memory.used);
  const pipelines = createPipelines(device);
  let submits = 0;
  let dispatches = 0;
  const downloads = createDownloads(device, health, () => submits++);

  const machine: Machine = {
    device,
    limits,
    memory,
    health,
    pipelines,
    others,
    submit(commands, count) {
      // Whoever asked for elements before is to see them as they were.
      downloads.flush();
      device.queue.submit([commands]);
      submits++;
      dispatches += count;
    },
  };

  function upload(data: TypedArray): WebgpuBuffer {
    health.check("tensor");
    const words = toDevice(data);
    const held = memory.hold(words.length * elementBytes);
    downloads.flush();
    if (words.length > 0) {
      device.queue.writeBuffer(held.buffer, 0, words as Float32Array<ArrayBuffer>);
    }
    return held;
  }

  async function download(buffer: DeviceBuffer, dtype: DType): Promise<TypedArray> {
    if (dtype === "float64") refuseDouble("data");
    // The reason may come after what follows from it.
    if (health.hasFailed()) throw await health.explain("data", undefined);
    return await downloads.add(memory.of(buffer), dtype);
  }

  return {
    name: "webgpu",
    dtypes: deviceDTypes,
    fuses: true,
    buffersPerLoop: device.limits.maxStorageBuffersPerShaderStage,
    // Others write shaders of loops with one sweep.
    ...(others.kernel === undefined && { sweeps: sweepsPay }),
    bytesPerElement: () => elementBytes,
    upload,
    download,
    free(buffer) {
      downloads.flush();
      memory.free(buffer);
    },
    compile: (program) => createExecutable(machine, program),
    describe: () => `webgpu: ${description}`,
    memory: memory.statistics,
    device,
    allocate: memory.hold,
    shader: (shader) => createRunner(machine, shader),
    limits,
    statistics: () => ({
      submits,
      dispatches,
      liveHandles: memory.liveHandles(),
      pipelines: pipelines.count(),
    }),
    hasFailed: health.hasFailed,
  };
}
