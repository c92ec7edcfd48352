import type { ShaderLimits } from "../../backends/webgpu/shader.ts";

/** What WebGPU promises of every device, for tests of text that need none. */
export const usualLimits: ShaderLimits = {
  workgroupsPerDimension: 65535,
  buffers: 8,
  bindingBytes: 2 ** 27,
  bindingAlignment: 256,
  invocationsPerWorkgroup: 256,
  workgroupStorage: 16384,
  subgroups: false,
  float16: false,
};
