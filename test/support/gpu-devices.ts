import process from "node:process";
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

/** Why tests on a GPU are skipped, or false. */
export const skip: string | false = await skipWithoutGpu();

const both: readonly TestGpu[] = [
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

/**
 * Both compilers on WebGPU under Deno. SwiftShader, which Node and Bun have, takes many times as long: there gpu.js has
 * its own tests only (gpujs-*.test.ts), unless all are asked for.
 */
export const gpus: readonly TestGpu[] = both.filter(({ name }) =>
  name === "gpu:wgsl" || "Deno" in globalThis || process.env["SOFTSTEP_GPUS"] === "all"
);

// With SOFTSTEP_EXPECT_GPU=1 a GPU that does not open fails the whole file; so does one that is not what it should be.
if (skip === false) {
  const { description } = await gpu();
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
  return { name: `float32 on ${name}`, device: name, dtype: "float32", skip, isGpu: true };
}
