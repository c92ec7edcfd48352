import { importFailure } from "../src/backend/import-failure.ts";
import { DeviceError } from "../src/core/errors.ts";

/**
 * The class of gpu.js: of the script that a page has loaded, or else of the package, which is an optional peer.
 *
 * @throws {DeviceError} if there is neither.
 */
export async function findGpujs(functionName: string): Promise<unknown> {
  // Browsers with WebGPU have a global of this name too.
  const { GPU } = globalThis as { GPU?: { prototype?: { createKernel?: unknown } } };
  if (GPU?.prototype?.createKernel !== undefined) return GPU;
  try {
    // Bundlers let a missing package pass where it is inside of "try".
    const package_: { GPU?: unknown; default?: { GPU?: unknown } } = await import("gpu.js");
    return package_.GPU ?? package_.default?.GPU ?? package_.default;
  } catch (error) {
    throw new DeviceError(
      functionName,
      `gpu.js ${importFailure("gpu.js", error)}; install gpu.js 2.24.1 ` +
        `(npm install gpu.js@2.24.1), or load its gpu-browser.min.js by a script element first`,
    );
  }
}
