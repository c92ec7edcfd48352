import { DeviceError } from "../../src/core/errors.ts";
import { messageOf } from "./runtime.ts";

/** Whether a device still works. What a GPU reports, it reports after the call that was to blame. */
export interface Health {
  /** Whether something has failed. */
  hasFailed(): boolean;
  /** @throws {DeviceError} if something has failed. */
  check(functionName: string): void;
  /** The error to throw for what a promise of the device was rejected with. */
  explain(functionName: string, error: unknown): Promise<DeviceError>;
}

/** Listens to what a device reports. `alive` gives bytes that are in use. */
export function watch(device: GPUDevice, alive: () => number): Health {
  let failure: string | undefined;

  void device.lost.then(({ message }) => {
    failure ??= `the device was lost (${message || "no reason was given"}) with ${alive()} bytes ` +
      `in use, and its tensors with it; open the device again and start from a checkpoint`;
  });
  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    event.preventDefault();
    // Values are not to be trusted from here on, so the first failure stays.
    failure ??= error.constructor.name === "GPUOutOfMemoryError"
      ? `out of memory with ${alive()} bytes in use; let go of tensors, donate arguments of ` +
        `jitted functions, or train on smaller batches`
      : `the device refused what it was given: ${error.message}`;
  });

  return {
    hasFailed: () => failure !== undefined,
    check(functionName) {
      if (failure !== undefined) throw new DeviceError(functionName, failure);
    },
    async explain(functionName, error) {
      // The news of a loss may come right after the rejection that it causes.
      await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      return new DeviceError(functionName, failure ?? `the device failed: ${messageOf(error)}`);
    },
  };
}
