/** A user's function as WGSL, translated by gpu.js. */
import type { Kernel } from "../../src/backend/program.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { customFunctions, withChecks, withCustomWgsl } from "./custom-functions.ts";
import { compileError, customKernelSource } from "./custom-kernel.ts";
import { checkGpu, wgslTranslator } from "./gpu.ts";
import {
  type TranslatedLimits,
  type TranslatedShader,
  translatedShader,
  type Wgsl,
} from "./translated-shader.ts";
import { functionsForWgsl, type WgslLibrary } from "./wgsl-functions.ts";

/** Translates kernels for who runs WGSL himself. */
export function customShaders(
  GPU: unknown,
  library: WgslLibrary,
): (kernel: Kernel<"customKernel">, limits: TranslatedLimits) => TranslatedShader {
  const wgsl = { translate: wgslTranslator(checkGpu(GPU)), library };
  return (kernel, limits) => customShader(wgsl, kernel, limits);
}

/** @throws {DeviceError} if it is too large. */
export function customShader(
  wgsl: Wgsl,
  kernel: Kernel<"customKernel">,
  limits: TranslatedLimits,
): TranslatedShader {
  const { name } = kernel.params;
  const most = limits.workgroupsPerDimension;
  const source = customKernelSource(kernel, {
    threads: [8 * most, 8 * most, most],
    threadsInARow: 2 ** 24,
    turns: Infinity,
    arrays: Infinity,
    rounds: false,
    wgslFunctions: true,
  }, "nested");
  if (source === undefined) {
    throw new DeviceError(
      "customKernel",
      `${name} is too large for a GPU; expected extents up to 2^24, and up to ${
        8 * most
      } along each of several axes`,
    );
  }
  const { functions, stubs } = functionsForWgsl(source.functions);
  const placed = {
    ...source,
    functions: [...functions, ...customFunctions(source.customFunctions, true)],
    stubs,
    hidesNumbers: true,
    arrays: source.arrays.map((each, i) => ({ ...each, size: source.sizes[i]! })),
  };
  try {
    const shader = translatedShader(wgsl, placed, limits, name);
    const checked = source.sizes.map((size, i) => ({ name: `a${i}`, size }))
      .filter((_, i) => source.needsCheck[i]);
    const code = withChecks(withCustomWgsl(shader.code, source.customFunctions), checked);
    return { ...shader, code, kernel: name };
  } catch (error) {
    throw compileError(name, error);
  }
}
