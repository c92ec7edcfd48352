import { describeDevice, device, DeviceError } from "../../mod.ts";
import type { DeviceChoice } from "./messages.ts";

/** A device that is open. */
export interface OpenDevice {
  readonly name: string;
  /** What it is, and why. */
  readonly description: string;
}

/** Opens what was chosen; only "auto" takes something else instead. */
export async function openDevice(choice: DeviceChoice): Promise<OpenDevice> {
  switch (choice) {
    case "gpu":
      return describe(await device("gpu", { required: true, compiler: "wgsl" }));
    case "webgl2":
      return describe(await device("gpu", { required: true, mode: "webgl2" }));
    case "cpu":
      return describe("cpu");
    case "auto":
      return await openFastest();
  }
}

/**
 * A GPU by WebGPU, or else WebAssembly: models as small as these are faster there than through WebGL2, and than on a GPU
 * that is software.
 */
async function openFastest(): Promise<OpenDevice> {
  try {
    const gpu = await openDevice("gpu");
    if (!/swiftshader|llvmpipe|lavapipe|basic render/i.test(gpu.description)) return gpu;
    return describe("cpu", `its only adapter is software (${describeDevice(gpu.name)})`);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return describe("cpu", error.message.slice(error.functionName.length + 2));
  }
}

function describe(name: string, insteadOfGpu?: string): OpenDevice {
  const description = describeDevice(name);
  const [, kind] = kinds.find(([start]) => description.startsWith(start))!;
  const reason = insteadOfGpu === undefined ? "" : `; not WebGPU: ${insteadOfGpu}`;
  return { name, description: `${kind} (${description}${reason})` };
}

const kinds = [
  ["webgpu", "WebGPU"],
  ["gpu.js", "WebGL2"],
  ["wasm", "WebAssembly"],
  ["", "JavaScript"],
] as const;
