import { device, type DeviceOptions } from "../../mod.ts";
import { skipWithoutGpu } from "./webgpu-kernel.ts";

/** One of the compilers that a user's function goes through on a GPU. */
export interface KernelWay {
  readonly name: string;
  readonly options: DeviceOptions;
  readonly skip: string | false;
  /** The device's name. */
  open(): Promise<string>;
}

function way(name: string, options: DeviceOptions, skip: string | false = false): KernelWay {
  return { name, options, skip, open: () => device("gpu", { ...options, required: true }) };
}

const skip = await skipWithoutGpu();
const cpu = way("gpu.js in mode cpu", { mode: "cpu" });

/** Those that there are here. */
export const kernelWays: readonly KernelWay[] = "document" in globalThis
  ? [way("gpu.js in mode webgl2", { mode: "webgl2" }), cpu]
  : [
    way("WGSL", { compiler: "wgsl" }, skip),
    way("gpu.js on WebGPU", { compiler: "gpujs", mode: "webgpu" }, skip),
    way("gpu.js in mode webasm", { mode: "webasm" }),
    cpu,
  ];
