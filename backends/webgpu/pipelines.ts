import { computeStage } from "./constants.ts";
import type { Shader } from "./shader.ts";
import { type Verdict, verdictOf } from "./verdicts.ts";

/** A shader that can run. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Of a user's function: whether the device takes it. */
  readonly verdict?: Verdict;
}

/** The pipelines of a device: equal code is compiled once, whichever program it belongs to. */
export interface Pipelines {
  of(shader: Shader): Pipeline;
  count(): number;
}

/** None yet. */
export function createPipelines(device: GPUDevice): Pipelines {
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
    const made = { ...compiled(shader, layout), layout: group };
    if (pipelines.size >= limit) pipelines.delete(pipelines.keys().next().value!);
    pipelines.set(shader.code, made);
    return made;
  }

  /** Without waiting, so that what is wrong with it is known later. */
  function compiled(
    { code, label, kernel }: Shader,
    layout: GPUPipelineLayout,
  ): Omit<Pipeline, "layout"> {
    if (kernel !== undefined) device.pushErrorScope("validation");
    const module = device.createShaderModule({ code, label });
    const pipeline = device.createComputePipeline({
      layout,
      compute: { module, entryPoint: "main" },
      label,
    });
    return kernel === undefined
      ? { pipeline }
      : { pipeline, verdict: verdictOf(kernel, device.popErrorScope()) };
  }

  return { of, count: () => pipelines.size };
}
