/** What this backend knows of gpu.js 2.24.1, and the check that it is what was handed in. */
import { DeviceError } from "../../src/core/errors.ts";

/** A mode of gpu.js. */
export type GpujsMode = "webgpu" | "webgl2" | "webasm" | "cpu";

/** A function that kernels call, in gpu.js's dialect, with its types fixed. */
export interface HelperFunction {
  readonly source: string;
  readonly settings: {
    readonly argumentTypes: Readonly<Record<string, "Number" | "Integer">>;
    readonly returnType: "Number" | "Integer";
  };
}

/** Settings of `createKernel`. */
export interface KernelSettings {
  readonly output: readonly number[];
  readonly argumentTypes?: readonly string[];
  readonly functions?: readonly HelperFunction[];
  readonly loopMaxIterations?: number;
  readonly precision?: "single";
  /** Of GLSL's variables. By default they have the least precision, which some devices take by its word. */
  readonly tactic?: "precision";
  readonly pipeline?: boolean;
  readonly immutable?: boolean;
  readonly dynamicArguments?: boolean;
}

/** What is used of a context of WebGL. */
export interface WebGlContext {
  isContextLost(): boolean;
  getError(): number;
}

/** The result of a kernel in the modes that run on WebGL: it stays on the device until it is deleted. */
export interface GpujsTexture {
  /** What a kernel calls an argument of this kind. */
  readonly type: string;
  readonly context: WebGlContext;
  toArray(): NestedArray;
  /** Another handle of the same texture, which lives until each of its handles is deleted. */
  clone(): GpujsTexture;
  delete(): void;
}

/** What a kernel of two or three dimensions gives. */
export type NestedArray = Float32Array | readonly NestedArray[];

/** A kernel that runs when it is called. */
export interface GpujsKernelFunction {
  (...args: readonly unknown[]): NestedArray | GpujsTexture;
  destroy(removeCanvas?: boolean): void;
}

/** The arguments of a kernel as WGSL's `params` has them, by their place among all of them. */
interface ParamsLayout {
  readonly arrayArgs: readonly { readonly name: string; readonly index: number }[];
  readonly scalarArgs: readonly { readonly name: string; readonly index: number }[];
}

/** gpu.js's kernel class of mode "webgpu", which is its compiler to WGSL. */
interface WebGpuKernel {
  /** Goes on with the device after the translation; replaced, since the device is ours. */
  _buildAsync: () => Promise<void>;
  build(...args: readonly unknown[]): Promise<void>;
  readonly compiledSource: string;
  readonly paramsLayout: ParamsLayout;
  readonly workgroupSize: readonly [number, number, number];
  readonly componentCount: number;
}

interface GpuInstance {
  readonly Kernel: new (source: string, settings: object) => WebGpuKernel;
  createKernel(source: string, settings: KernelSettings): GpujsKernelFunction;
  /** All that were ever made, which it keeps. */
  readonly kernels: unknown[];
}

/** The class `GPU` of gpu.js. */
export interface GpuConstructor {
  new (settings: { readonly mode: GpujsMode }): GpuInstance;
  disableValidation(): void;
  enableValidation(): void;
  readonly isWebGL2Supported: boolean;
  readonly isWebAssemblySupported: boolean;
}

/** A kernel as WGSL. */
export interface TranslatedKernel {
  readonly code: string;
  readonly layout: ParamsLayout;
  readonly workgroupSize: readonly [number, number, number];
}

/** The release that all of this was written for. */
const pinned = "2.24.1";

function isGpuConstructor(GPU: unknown): GPU is GpuConstructor {
  const candidate = GPU as Partial<GpuConstructor> | undefined;
  return typeof GPU === "function" && typeof candidate?.disableValidation === "function" &&
    typeof candidate.enableValidation === "function";
}

/** Refuses what is not gpu.js. */
export function checkGpu(GPU: unknown): GpuConstructor {
  if (!isGpuConstructor(GPU)) {
    throw new DeviceError("gpujs", `expected the class GPU of gpu.js ${pinned}, got ${typeof GPU}`);
  }
  return GPU;
}

/** gpu.js's compiler to WGSL. */
export type Translator = (source: string, settings: KernelSettings) => TranslatedKernel;

/** The part of gpu.js that translates to WGSL; it needs no WebGPU. */
export function wgslTranslator(GPU: GpuConstructor): Translator {
  // Validation asks for navigator.gpu, which is missing where the device comes from a package.
  GPU.disableValidation();
  let Kernel: GpuInstance["Kernel"];
  try {
    Kernel = new GPU({ mode: "webgpu" }).Kernel;
  } catch (error) {
    throw anotherGpujs(String(error));
  } finally {
    GPU.enableValidation();
  }
  const translate: Translator = (source, settings) => {
    const kernel = new Kernel(source, { ...settings, validate: false });
    kernel._buildAsync = () => Promise.resolve();
    void kernel.build(...settings.argumentTypes!.map(() => 0));
    return {
      code: kernel.compiledSource,
      layout: kernel.paramsLayout,
      workgroupSize: kernel.workgroupSize,
    };
  };
  checkTranslation(translate);
  return translate;
}

function anotherGpujs(what: string): DeviceError {
  return new DeviceError(
    "gpujs",
    `this gpu.js does not translate as ${pinned} does (${what}); expected gpu.js ${pinned}`,
  );
}

/**
 * Translates a kernel of which everything is known that is relied upon: another gpu.js is to fail here, with a reason,
 * and not in what it computes.
 */
function checkTranslation(translate: Translator): void {
  let translated: TranslatedKernel;
  try {
    translated = translate("function kernel(a, s) { return a[this.thread.x * 3 + 1] * s; }", {
      output: [5],
      argumentTypes: ["WebGPUBuffer", "Number"],
    });
  } catch (error) {
    throw anotherGpujs(String(error));
  }
  const { code, layout, workgroupSize } = translated;
  const expected = [
    declaredArray(1, "a", "f32"),
    accessorOf("a"),
    declaredResult(2, "f32"),
    "result[data_index] = (get_user_a(0, 0, i32(((i32(threadGid.x)*3)+1)))*params.user_s);return;",
    "@group(0) @binding(0) var<uniform> params : Params;",
    "let flat_index : u32 = gid.x + gid.y * params.dispatchWidth;",
    mainHead,
  ];
  for (const text of expected) {
    if (code?.includes(text) !== true) throw anotherGpujs(`no ${JSON.stringify(text)}`);
  }
  const names = [...layout?.arrayArgs ?? [], ...layout?.scalarArgs ?? []].map(({ name, index }) =>
    `${name}${index}`
  );
  if (String(names) !== "a0,s1") throw anotherGpujs(`parameters ${names}`);
  if (String(workgroupSize) !== "64,1,1") throw anotherGpujs(`workgroups of ${workgroupSize}`);
}

/** What another translation than the one that all of this was written for is answered with. */
export function unexpectedTranslation(what: string): DeviceError {
  return new DeviceError("gpujs", `gpu.js translated to something unexpected: ${what}`);
}

/** The line that declares an array argument. */
export function declaredArray(binding: number, name: string, element: string): string {
  return `@group(0) @binding(${binding}) var<storage, read> user_${name} : array<${element}>;`;
}

/** The line that declares the result. */
export function declaredResult(binding: number, element: string): string {
  return `@group(0) @binding(${binding}) var<storage, read_write> result : array<${element}>;`;
}

/** The line that begins the entry point. */
export const mainHead = "fn main(@builtin(global_invocation_id) gid : vec3<u32>) {";

/** What reads an element of an array argument. */
export function accessorOf(name: string): string {
  const at = `u32(x + i32(params.user_${name}_dims.x) * ` +
    `(y + i32(params.user_${name}_dims.y) * z))`;
  return `return user_${name}[${at}];`;
}
