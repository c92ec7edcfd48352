/**
 * Kernels by gpu.js: the devices "gpu:gpujs" and "gpu:gpujs-...". Whoever has a kernel in gpu.js's dialect compiles it
 * with `gpujsKernel(backend, { source, inputs, output, loopMaxIterations })`, which gives a function from the device's
 * buffers to a new one, in every mode.
 */
export type { GpujsBackend } from "./backend.ts";
export { gpujsBackend, type GpujsOptions } from "./create-backend.ts";
export type { GpujsMode } from "./gpu.ts";
export { gpujsKernel, type GpujsKernelOptions } from "./user-kernel.ts";
export type { GpujsDevice, GpujsDevices } from "./webgpu.ts";
