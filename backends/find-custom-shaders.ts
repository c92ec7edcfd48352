import type { Kernel } from "../src/backend/program.ts";
import { DeviceError } from "../src/core/errors.ts";
import { reasonOf } from "../src/core/in-name-of.ts";
import { findGpujs } from "./find-gpujs.ts";
import type { TranslatedLimits, TranslatedShader } from "./gpujs/translated-shader.ts";

/** Makes shaders of users' functions by gpu.js; where that is missing, the first one of them fails and says so. */
export async function findCustomShaders(
  functionName: string,
): Promise<(kernel: Kernel<"customKernel">, limits: TranslatedLimits) => TranslatedShader> {
  let GPU: unknown;
  try {
    GPU = await findGpujs(functionName);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const reason = reasonOf(error);
    return ({ params: { name } }) => {
      throw new DeviceError(
        "customKernel",
        `${name} is compiled by gpu.js on a GPU, but ${reason}`,
      );
    };
  }
  const { customShaders } = await import("./gpujs/custom-shader.ts");
  const { functionLibrary } = await import("./webgpu/mod.ts");
  let translate: ReturnType<typeof customShaders> | undefined;
  return (kernel, limits) => (translate ??= customShaders(GPU, functionLibrary))(kernel, limits);
}
