/** WGSL on WebGPU: the device "gpu". */
export { type GpuStatistics, type WebgpuBackend, webgpuBackend } from "./backend.ts";
export { type FunctionLibrary, functionLibrary } from "./function-library.ts";
export type { WebgpuBuffer } from "./memory.ts";
export { type OpenedGpu, openGpu, type OpenOptions } from "./runtime.ts";
export type { OtherShaders } from "./shader.ts";
