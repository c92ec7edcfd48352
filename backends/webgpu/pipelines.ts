import { computeStage } from "./constants.ts";
import type { Shader } from "./shader.ts";

/** A shader that can run. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** The pipelines of a device: equal code is compiled once, whichever program it belongs to. */
export interface Pipelines {
  of(shader: Shader): Pipeline;
  count(): number;
}

/** `refused` is told of a user's function whose shader the device does not take, soon after. */
export function createPipelines(
  device: GPUDevice,
  refused: (kernel: string, reason: string) => void,
): Pipelines {
  const layouts = new Map<string, { group: GPUBindGroupLayout; layout: GPUPipelineLayout }>();
  // The oldest first; programs hold theirs themselves.
  const pipelines = new Map<string, Pipeline>();
  const limit = 4096;

  /** Explicit, so that equal signatures share it, and a buffer that the code does not read is no error. */
  function layoutOf(
    { bindings }: Shader,
  ): { group: GPUBindGroupLayout; layout: GPUPipelineLayout } {
    const key = bindings.map(({ writes }) => writes ? "w" : "r").join("");
    let known = layouts.get(key);
    if (known === undefined) {
      const group = device.createBindGroupLayout({
        entries: bindings.map(({ writes }, binding) => ({
          binding,
          visibility: computeStage,
          buffer: { type: writes ? "storage" : "read-only-storage" },
        })),
      });
      known = { group, layout: device.createPipelineLayout({ bindGroupLayouts: [group] }) };
      layouts.set(key, known);
    }
    return known;
  }

  function of(shader: Shader): Pipeline {
    const { group, layout } = layoutOf(shader);
    const known = pipelines.get(shader.code);
    if (known !== undefined) return known;
    const pipeline = compiled(shader, layout);
    const made = { pipeline, layout: group };
    if (pipelines.size >= limit) pipelines.delete(pipelines.keys().next().value!);
    pipelines.set(shader.code, made);
    return made;
  }

  /** Without waiting, so that what is wrong with it is known later. */
  function compiled(
    { code, label, kernel }: Shader,
    layout: GPUPipelineLayout,
  ): GPUComputePipeline {
    if (kernel !== undefined) device.pushErrorScope("validation");
    const module = device.createShaderModule({ code, label });
    const pipeline = device.createComputePipeline({
      layout,
      compute: { module, entryPoint: "main" },
      label,
    });
    if (kernel !== undefined) {
      void device.popErrorScope().then(
        (error) => error !== null && refused(kernel, error.message),
        // The device was lost, which is told elsewhere.
        () => {},
      );
    }
    return pipeline;
  }

  return { of, count: () => pipelines.size };
}
