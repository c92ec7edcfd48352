import { describeDevice, device, type DeviceName, type DeviceOptions } from "../../mod.ts";
import type { WebgpuBackend } from "../../backends/webgpu/mod.ts";
import { backendOf } from "../../src/backend/registry.ts";
import type { Machine } from "./run-s3.ts";
import { gpu, skipWithoutGpu } from "./webgpu-kernel.ts";

/** A GPU as a program opens it. */
export interface TestGpu {
  /** Its name once it is open. */
  readonly name: DeviceName;
  readonly options: DeviceOptions;
  /** What `describeDevice` says of it. */
  readonly description: RegExp;
  /** What `explain` says of every kernel. */
  readonly ways: RegExp;
  /** What it says of those that are the compiler's own. */
  readonly own: RegExp;
}

/** A page, which has nothing but WebGL2: it is without WebGPU. */
const isPage = "document" in globalThis;

/** Why tests on a GPU are skipped, or false. */
export const skip: string | false = isPage ? false : await skipWithoutGpu();

const webgl2: TestGpu = {
  name: "gpu:gpujs-webgl2",
  options: { mode: "webgl2", required: true },
  description: /^gpu\.js in mode "webgl2", WebGL2 /,
  ways: /^(gpu\.js|host)/,
  own: /^gpu\.js/,
};

/** Both compilers on WebGPU; in a page WebGL2. */
export const gpus: readonly TestGpu[] = isPage ? [webgl2] : [
  {
    name: "gpu:wgsl",
    options: { compiler: "wgsl", required: true },
    description: /^webgpu: /,
    ways: /^(WGSL|copy|clear)/,
    own: /^WGSL/,
  },
  {
    name: "gpu:gpujs",
    options: { compiler: "gpujs", required: true },
    description: /^gpu\.js in mode "webgpu", webgpu: /,
    ways: /^(gpu\.js|WGSL|copy|clear)/,
    own: /^gpu\.js/,
  },
];

// With SOFTSTEP_EXPECT_GPU=1 a GPU that does not open fails the whole file; so does one that is not what it should be.
if (skip === false) {
  const { description } = isPage ? { description: "WebGL2" } : await gpu();
  for (const each of gpus) {
    const name = await device("gpu", each.options);
    const says = describeDevice(name);
    if (name !== each.name || !each.description.test(says) || !says.includes(description)) {
      throw new Error(`${name} is ${says}; expected ${each.name}, ${description}`);
    }
  }
}

/** How often the backend has given its queue work. */
export function submitsOf({ name }: TestGpu): number {
  return (backendOf("test", name) as WebgpuBackend).statistics().submits;
}

/** Tensors that are alive. */
export function liveHandlesOf({ name }: TestGpu): number {
  return (backendOf("test", name) as WebgpuBackend).statistics().liveHandles;
}

/** The GPU as a place where S3 is run. */
export function machineOf({ name }: TestGpu): Machine {
  const dtype = "float32";
  return { name: `float32 on ${name}`, device: name, dtype, skip, isGpu: true, isSlow: isPage };
}
