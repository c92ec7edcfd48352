/** Opens GPUs. Everything here is imported when it is needed, so that nobody loads what he has no use for. */
import type { Backend } from "../src/backend/backend.ts";
import type { GpuOptions, OpenedDevice } from "../src/backend/registry.ts";
import { DeviceError } from "../src/core/errors.ts";
import { reasonOf } from "../src/core/in-name-of.ts";
import { findCustomShaders } from "./find-custom-shaders.ts";
import { findGpujs } from "./find-gpujs.ts";
import { prepare } from "./reference/prepare.ts";
import type { OtherShaders } from "./webgpu/mod.ts";

type Mode = NonNullable<GpuOptions["mode"]>;

/** A way to use a GPU. */
interface Attempt {
  readonly name: string;
  open(): Promise<Opened>;
}

interface Opened {
  readonly backend: Backend;
  readonly isLost?: () => boolean;
  /** Whether matrix products are in float16. */
  readonly hasFloat16?: boolean;
}

/**
 * Opens the GPU that fits the options, the first way that works.
 *
 * @throws {DeviceError} that says what was tried, and why each failed.
 */
export async function openGpuDevice(
  functionName: string,
  options: GpuOptions,
  generation: number,
): Promise<OpenedDevice> {
  const failures: string[] = [];
  for (const { name, open } of attemptsFor(functionName, options)) {
    try {
      const { backend, isLost, hasFloat16 } = await open();
      const reason = failures.length === 0 ? "" : `, because ${failures.join("; ")}`;
      const substitute = hasFloat16 || options.matmulPrecision !== "float16"
        ? undefined
        : `matrix products in float32, because ${
          hasFloat16 === false ? "the adapter has no shader-f16" : "gpu.js has no float16"
        }`;
      const precision = hasFloat16 ? "matrix products in float16" : substitute;
      const suffix = precision === undefined ? reason : `${reason}, ${precision}`;
      return {
        name: deviceName(options, generation),
        backend: { ...backend, describe: () => `${backend.describe?.() ?? backend.name}${suffix}` },
        ...(isLost && { isLost }),
        ...(substitute !== undefined && { substitute }),
      };
    } catch (error) {
      // A way that is closed says so; whatever else is thrown, as by a module that does not load, is a mistake.
      if (!(error instanceof DeviceError)) throw error;
      failures.push(`${name}: ${reasonOf(error)}`);
    }
  }
  throw new DeviceError(functionName, `no GPU is available (${failures.join("; ")})`);
}

/** What to try, the best first. */
function attemptsFor(
  functionName: string,
  { compiler, mode, powerPreference, matmulPrecision }: GpuOptions,
): Attempt[] {
  const preference = powerPreference === undefined ? {} : { powerPreference };
  const openWgsl = async (): Promise<Opened> => {
    const { openGpu, webgpuBackend } = await import("./webgpu/mod.ts");
    const float16 = matmulPrecision === "float16";
    const opened = await openGpu(functionName, { ...preference, float16 });
    const backend = webgpuBackend(opened, { customKernel: await findCustomShaders(functionName) });
    const hasFloat16 = opened.limits.float16;
    return { backend, isLost: backend.hasFailed, hasFloat16 };
  };
  const openGpujs = async (mode: Mode): Promise<Opened> => {
    if (mode === "webgl2" && !hasWebgl2()) {
      throw new DeviceError(functionName, "there is no WebGL2, which browsers have");
    }
    if (mode === "webgpu") return await openGpujsOnWebgpu();
    const GPU = await findGpujs(functionName);
    const { gpujsBackend } = await import("./gpujs/mod.ts");
    const backend = gpujsBackend({ GPU, mode, prepare });
    return { backend, isLost: backend.isLost };
  };
  const openGpujsOnWebgpu = async (): Promise<Opened> => {
    // The cheaper to find out first.
    const { functionLibrary, openGpu, webgpuBackend } = await import("./webgpu/mod.ts");
    const opened = await openGpu(functionName, preference);
    const GPU = await findGpujs(functionName);
    const { gpujsBackend } = await import("./gpujs/mod.ts");
    const make = (others: OtherShaders) => webgpuBackend(opened, others);
    const webgpu = { library: functionLibrary, make };
    const backend = gpujsBackend({ GPU, mode: "webgpu", prepare, webgpu });
    return { backend, isLost: backend.isLost };
  };
  const wgsl: Attempt = { name: "WGSL", open: openWgsl };
  const gpujs = (mode: Mode): Attempt => ({
    name: `gpu.js in mode ${mode}`,
    open: () => openGpujs(mode),
  });
  if (mode !== undefined) return [gpujs(mode)];
  if (compiler === "wgsl") return [wgsl];
  return [compiler === "gpujs" ? gpujs("webgpu") : wgsl, gpujs("webgl2")];
}

/** What is used of a canvas; not every runtime's types have one. */
interface Canvas {
  getContext(kind: "webgl2"): unknown;
}

function hasWebgl2(): boolean {
  const { document, OffscreenCanvas } = globalThis as {
    document?: { createElement(name: "canvas"): Canvas };
    OffscreenCanvas?: new (width: number, height: number) => Canvas;
  };
  try {
    const canvas = document?.createElement("canvas") ??
      (OffscreenCanvas && new OffscreenCanvas(1, 1));
    return (canvas?.getContext("webgl2") ?? null) !== null;
  } catch {
    return false;
  }
}

/** "gpu", with the options that it was opened with: "gpu:wgsl:float16", "gpu:gpujs-webgl2:low-power". */
function deviceName(
  { compiler, mode, powerPreference, matmulPrecision }: GpuOptions,
  generation: number,
): string {
  const choice = mode === undefined ? compiler : `gpujs-${mode}`;
  const parts = ["gpu", choice, powerPreference, matmulPrecision];
  const name = parts.filter((part) => part !== undefined).join(":");
  return generation === 1 ? name : `${name}#${generation}`;
}
