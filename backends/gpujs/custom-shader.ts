/** A user's function as WGSL, translated by gpu.js, for who runs WGSL himself. */
import type { Kernel } from "../../src/backend/program.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { compileError, customKernelSource } from "./custom-kernel.ts";
import { functionsNamed } from "./functions.ts";
import { checkGpu, type TranslatedKernel, wgslTranslator } from "./gpu.ts";

/** One dispatch; `@group(0) @binding(i)` is `bindings[i]`. */
export interface CustomShader {
  readonly code: string;
  readonly bindings: readonly { readonly buffer: number; readonly writes: boolean }[];
  readonly workgroups: readonly [number, number, number];
  readonly label: string;
}

/** What a device lets a shader have. */
export interface CustomShaderLimits {
  readonly workgroupsPerDimension: number;
}

/** Translates kernels to shaders without uniforms. */
export function customShaders(
  GPU: unknown,
): (kernel: Kernel<"customKernel">, limits: CustomShaderLimits) => CustomShader {
  const translate = wgslTranslator(checkGpu(GPU));
  return (kernel, { workgroupsPerDimension: most }) => {
    const { name } = kernel.params;
    const source = customKernelSource(kernel, {
      threads: [8 * most, 8 * most, most],
      threadsInARow: 2 ** 24,
      arrays: Infinity,
      rounds: false,
    }, "nested");
    if (source === undefined) {
      throw new DeviceError(
        "customKernel",
        `${name} is too large for a GPU; expected extents up to 2^24, and up to ${
          8 * most
        } along each of several axes`,
      );
    }
    let translated: TranslatedKernel;
    try {
      translated = translate(source.source, {
        output: source.output,
        functions: functionsNamed(source.functions),
        argumentTypes: [
          ...source.arrays.map(() => "WebGPUBuffer"),
          ...source.numbers.map(() => "Number"),
        ],
        loopMaxIterations: source.loopMaxIterations,
      });
    } catch (error) {
      throw compileError(name, error);
    }
    const { workgroupSize } = translated;
    const [x, y = 1, z = 1] = workgroupSize.map((size, axis) =>
      Math.ceil((source.output[axis] ?? 1) / size)
    );
    // gpu.js joins the rows of a result of one axis.
    const rows = source.output.length === 1 ? Math.ceil(x! / most) : y;
    const columns = source.output.length === 1 ? Math.ceil(x! / rows) : x!;
    return {
      code: withoutUniforms(translated, source, columns * workgroupSize[0]),
      bindings: [
        ...source.arrays.map(({ buffer }) => ({ buffer, writes: false })),
        { buffer: source.result.buffer, writes: true },
      ],
      workgroups: [columns, rows, z],
      label: name,
    };
  };
}

/** The text with its parameters written into it. */
function withoutUniforms(
  { code }: TranslatedKernel,
  { output, sizes, numbers }: {
    readonly output: readonly number[];
    readonly sizes: readonly (readonly number[])[];
    readonly numbers: readonly number[];
  },
  dispatchWidth: number,
): string {
  const [outputX, outputY = 1, outputZ = 1] = output;
  const values: Record<string, string> = {
    outputX: `${outputX}u`,
    outputY: `${outputY}u`,
    outputZ: `${outputZ}u`,
    dispatchWidth: `${dispatchWidth}u`,
  };
  sizes.forEach(([x = 1, y = 1, z = 1], i) => {
    Object.assign(values, {
      [`user_a${i}_dims.x`]: `${x}u`,
      [`user_a${i}_dims.y`]: `${y}u`,
      [`user_a${i}_dims.z`]: `${z}u`,
      [`user_a${i}_dims.w`]: `${x * y * z}u`,
    });
  });
  // By their bits: compilers are not to know them, and constants are neither NaN nor infinite.
  numbers.forEach((value, i) => {
    const [bits] = new Uint32Array(Float32Array.of(value).buffer);
    values[`user_s${i}`] = `numberOfBits(${bits}u)`;
  });
  const text = code
    .replace(/struct Params \{[^}]*\}\n?/, "")
    .replace(/@group\(0\) @binding\(0\) var<uniform> params : Params;\n?/, "")
    .replace(/@binding\((\d+)\)/g, (_, binding) => `@binding(${Number(binding) - 1})`)
    .replace(/\bparams\.(\w+(?:\.[xyzw])?)/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) {
        throw new DeviceError("gpujs", `gpu.js translated to something unexpected: params.${name}`);
      }
      return value;
    });
  return `fn numberOfBits(bits : u32) -> f32 {\n  return bitcast<f32>(bits);\n}\n${text}`;
}
