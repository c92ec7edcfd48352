import type { Backend } from "../../src/backend/backend.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import type { DialectKernel } from "./mode.ts";

/** gpu.js as a backend. */
export interface GpujsBackend extends Backend {
  readonly free: (buffer: DeviceBuffer) => void;
  /** Tensors that are alive: handles whose memory has not been given back. */
  readonly liveHandles: () => number;
  /** Whether its tensors are gone for good. */
  readonly isLost: () => boolean;
  /** Compiles a kernel in gpu.js's dialect to be run on tensors. */
  readonly compileKernel: (kernel: DialectKernel) => (
    inputs: readonly DeviceBuffer[],
  ) => DeviceBuffer;
}
