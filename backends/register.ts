/** Registers the backends that come with the library, as a side effect of being imported. */
import type { Backend } from "../src/backend/backend.ts";
import { registerDevice, registerOpener } from "../src/backend/registry.ts";
import { blasProduct, loadBlas } from "./native/mod.ts";
import { referenceBackend } from "./reference/mod.ts";
import { prepare } from "./reference/prepare.ts";
import { defaultThreads } from "./wasm/pool-threads.ts";
import { wasmBackend, wasmSupport } from "./wasm/mod.ts";

registerDevice("cpu", cpuBackend);
registerDevice("reference", referenceBackend);
// Loaded when a GPU is asked for and not before.
registerOpener("gpu", async (functionName, options, generation) => {
  const { openGpuDevice } = await import("./open-gpu.ts");
  return await openGpuDevice(functionName, options, generation);
});

/** Generated WebAssembly, with matrix products by native BLAS if that was asked for; else the reference. */
function cpuBackend(): Backend {
  const { missing } = wasmSupport();
  if (missing !== undefined) {
    return { ...referenceBackend(), describe: () => `reference: ${missing}` };
  }
  const loaded = loadBlas({ threads: defaultThreads() });
  if (!("blas" in loaded)) return wasmBackend({ prepare });
  const backend = wasmBackend({ prepare, product: (kernel) => blasProduct(loaded.blas, kernel) });
  return { ...backend, describe: () => `${backend.describe?.()}, ${loaded.blas.description}` };
}
