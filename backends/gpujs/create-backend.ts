import { DeviceError } from "../../src/core/errors.ts";
import type { GpujsBackend } from "./backend.ts";
import { checkGpu, type GpujsMode } from "./gpu.ts";
import type { Prepare } from "./host-kernels.ts";
import { hostedMode } from "./hosted.ts";
import { hostedBackend } from "./hosted-backend.ts";
import { type GpujsDevices, webgpuMode } from "./webgpu.ts";

/** What the backend is made of. */
export interface GpujsOptions {
  /** The class `GPU` of gpu.js 2.24.1. */
  readonly GPU: unknown;
  readonly mode: GpujsMode;
  /** What mode "webgpu" runs on. */
  readonly webgpu?: GpujsDevices;
  /** The reference's kernels, for what gpu.js cannot do in the other modes. */
  readonly prepare: Prepare;
}

/**
 * Kernels by gpu.js, in one of its modes.
 *
 * @throws {DeviceError} if this is not gpu.js 2.24.1, or the mode does not work here.
 */
export function gpujsBackend({ GPU, mode, webgpu, prepare }: GpujsOptions): GpujsBackend {
  const checked = checkGpu(GPU);
  if (mode !== "webgpu") return hostedBackend(hostedMode(checked, mode, prepare));
  if (webgpu === undefined) {
    throw new DeviceError("gpujs", 'mode "webgpu" needs a backend on WebGPU; expected one');
  }
  return webgpuMode(checked, webgpu);
}
