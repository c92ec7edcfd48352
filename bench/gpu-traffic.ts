import { openGpu } from "../backends/webgpu/mod.ts";
import { medianOfBatches } from "./measure.ts";
import type { Runner } from "./runner.ts";

const perWorkgroup = 256;

/**
 * The memory's bound on a GPU: a shader by hand that reads the four arrays of an optimizer step and writes three, with
 * hardly any arithmetic.
 */
export async function gpuTrafficRunner(): Promise<Runner> {
  const { device } = await openGpu("bench", {});
  let step: (() => void) | undefined;
  let buffers: GPUBuffer[] = [];
  const finish = () => device.queue.onSubmittedWorkDone();
  return {
    name: "WGSL traffic",
    prepare(name, { elements, tensors }) {
      if (!["s3", "adamw"].includes(name) || tensors !== 1 || elements! % 4 !== 0) {
        return Promise.resolve({ ready: false, reason: "optimizer steps on one array only" });
      }
      [step, buffers] = copying(device, elements!);
      return Promise.resolve({ ready: true });
    },
    sample: (milliseconds) => medianOfBatches(step!, finish, milliseconds),
    release() {
      for (const buffer of buffers) buffer.destroy();
      [step, buffers] = [undefined, []];
      return Promise.resolve();
    },
    close: () => device.destroy(),
  };
}

function copying(device: GPUDevice, elements: number): [() => void, GPUBuffer[]] {
  const vectors = elements / 4;
  const groups = Math.ceil(vectors / perWorkgroup);
  const width = Math.min(groups, 65535);
  const code = `
    @group(0) @binding(0) var<storage, read> g: array<vec4f>;
    @group(0) @binding(1) var<storage, read_write> m: array<vec4f>;
    @group(0) @binding(2) var<storage, read_write> r: array<vec4f>;
    @group(0) @binding(3) var<storage, read_write> theta: array<vec4f>;
    @compute @workgroup_size(${perWorkgroup})
    fn main(@builtin(global_invocation_id) id: vec3u) {
      let i = id.y * ${width * perWorkgroup}u + id.x;
      if (i >= ${vectors}u) { return; }
      let x = g[i];
      m[i] = m[i] + x;
      r[i] = r[i] + x;
      theta[i] = theta[i] + x;
    }`;
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const storage = 0x80; // GPUBufferUsage.STORAGE, which lib.dom does not have
  const buffers = [0, 1, 2, 3].map(() =>
    device.createBuffer({ size: 4 * elements, usage: storage })
  );
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const step = () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(width, Math.ceil(groups / width));
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  return [step, buffers];
}
