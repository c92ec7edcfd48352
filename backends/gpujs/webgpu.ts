/** Mode "webgpu": gpu.js translates kernels to WGSL, and a backend on WebGPU runs them on its buffers, in its submits. */
import type { Backend } from "../../src/backend/backend.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { GpujsBackend } from "./backend.ts";
import { type GpuConstructor, wgslTranslator } from "./gpu.ts";
import type { DialectKernel } from "./mode.ts";
import { kernelTranslator, type TranslateKernel } from "./shaders.ts";
import {
  type PlacedKernel,
  type TranslatedLimits,
  type TranslatedShader,
  translatedShader,
} from "./translated-shader.ts";
import type { WgslLibrary } from "./wgsl-functions.ts";

/** What mode "webgpu" needs of a backend on WebGPU. */
export interface GpujsDevice extends Backend {
  readonly limits: TranslatedLimits;
  readonly free: (buffer: DeviceBuffer) => void;
  /** Memory of any content. */
  readonly allocate: (byteLength: number) => DeviceBuffer;
  /** Makes a shader ready, to be run on buffers in the order of its bindings. */
  readonly shader: (shader: TranslatedShader) => (buffers: readonly DeviceBuffer[]) => void;
  readonly hasFailed: () => boolean;
  readonly statistics: () => { readonly liveHandles: number };
}

/** Backends on WebGPU. */
export interface GpujsDevices {
  readonly library: WgslLibrary;
  /** Makes one that runs our shaders where it is given some, and its own elsewhere. */
  readonly make: (others: { readonly kernel: TranslateKernel }) => GpujsDevice;
}

/** The mode, on a device that is made for it. */
export function webgpuMode(
  GPU: GpuConstructor,
  { library, make }: GpujsDevices,
): GpujsBackend {
  const wgsl = { translate: wgslTranslator(GPU), library };
  const device = make({ kernel: kernelTranslator(wgsl) });
  const { buffersPerLoop } = device;

  function compileKernel(kernel: DialectKernel): ReturnType<GpujsBackend["compileKernel"]> {
    const { arrays, output, dtype } = kernel;
    const placed: PlacedKernel = {
      ...kernel,
      arrays: arrays.map((each, buffer) => ({ ...each, buffer })),
      result: { buffer: arrays.length, dtype },
    };
    const run = device.shader(translatedShader(wgsl, placed, device.limits, "gpu.js"));
    const byteLength = 4 * sizeOf(output);
    return (inputs) => {
      const result = device.allocate(byteLength);
      run([...inputs, result]);
      return result;
    };
  }

  return {
    ...device,
    name: "gpujs",
    // One more is written.
    ...(buffersPerLoop !== undefined && { buffersPerLoop: buffersPerLoop - 1 }),
    describe: () => `gpu.js in mode "webgpu", ${device.describe?.() ?? "WebGPU"}`,
    liveHandles: () => device.statistics().liveHandles,
    isLost: () => device.hasFailed(),
    compileKernel,
  };
}
