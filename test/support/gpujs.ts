import gpujs from "gpu.js";
import { type GpujsBackend, gpujsBackend, type GpujsMode } from "../../backends/gpujs/mod.ts";
import { functionLibrary, webgpuBackend } from "../../backends/webgpu/mod.ts";
import { prepare } from "../../backends/reference/prepare.ts";
import { fromArray, toArray } from "./run-kernel.ts";
import type { ProgramCase } from "./gpu-backend.ts";
import { gpu, skipWithoutGpu } from "./webgpu-kernel.ts";

/** The class `GPU` of gpu.js. */
export const GPU: unknown = (gpujs as unknown as { GPU: unknown }).GPU;

/** The modes that are tested here. Of "webasm" a page has too few kernels for that: each has a memory of its own. */
export const modes: readonly GpujsMode[] = "document" in globalThis
  ? ["webgl2", "cpu"]
  : ["cpu", "webasm", "webgpu"];

/** Why the tests of a mode are skipped, or false. */
export function skipped(mode: GpujsMode): Promise<string | false> {
  return mode === "webgpu" ? skipWithoutGpu() : Promise.resolve(false);
}

const backends = new Map<GpujsMode, Promise<GpujsBackend>>();

/** The backend of the tests of a mode. */
export function gpujsFor(mode: GpujsMode): Promise<GpujsBackend> {
  let backend = backends.get(mode);
  if (backend === undefined) backends.set(mode, backend = open(mode));
  return backend;
}

async function open(mode: GpujsMode): Promise<GpujsBackend> {
  if (mode !== "webgpu") return gpujsBackend({ GPU, mode, prepare });
  const opened = await gpu();
  return gpujsBackend({
    GPU,
    mode,
    prepare,
    webgpu: { library: functionLibrary, make: (others) => webgpuBackend(opened, others) },
  });
}

/** Runs programs, and reads all their results with one round trip. */
export async function runProgramsOn(
  mode: GpujsMode,
  cases: readonly ProgramCase[],
): Promise<{ values: number[][]; ways: readonly string[] }[]> {
  const backend = await gpujsFor(mode);
  const runs = cases.map(({ program, inputs }) => {
    const executable = backend.compile(program);
    return {
      buffers: executable.run(inputs.map((input) => backend.upload(toArray(input)))),
      // Who runs each kernel, without what WGSL says of how.
      ways: executable.ways!.map((way) => way.split(",")[0]!),
      dtypes: program.outputs.map(({ spec }) => spec.dtype),
    };
  });
  return await Promise.all(runs.map(async ({ buffers, ways, dtypes }) => ({
    ways,
    values: await Promise.all(
      buffers.map(async (buffer, i) =>
        fromArray(dtypes[i]!, await backend.download(buffer, dtypes[i]!))
      ),
    ),
  })));
}

const least = 2 ** -126;

/** A device may take subnormal numbers for zeros, and give them so. */
export function isSubnormal(value: number): boolean {
  return value !== 0 && Math.abs(value) < 1.01 * least;
}
