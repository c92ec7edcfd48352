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
  /** Notes what a device refused. */
  note(error: GPUError): void;
}

/** Listens to what a device reports. `alive` gives bytes that are in use. */
export function watch(device: GPUDevice, alive: () => number): Health {
  let failure: string | undefined;

  const errorOf = (functionName: string): DeviceError | undefined =>
    failure === undefined ? undefined : new DeviceError(functionName, failure);

  function note(error: GPUError): void {
    // Values are not to be trusted from here on, so the first failure stays.
    failure ??= error.constructor.name === "GPUOutOfMemoryError"
      ? `out of memory with ${alive()} bytes in use; let go of tensors, donate arguments of ` +
        `jitted functions, or train on smaller batches`
      : `the device refused what it was given: ${error.message}`;
  }

  void device.lost.then(({ message }) => {
    failure ??= `the device was lost (${message || "no reason was given"}) with ${alive()} bytes ` +
      `in use, and its tensors with it; open the device again and start from a checkpoint`;
  });
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    note((event as GPUUncapturedErrorEvent).error);
  });

  return {
    hasFailed: () => errorOf("data") !== undefined,
    check(functionName) {
      const error = errorOf(functionName);
      if (error !== undefined) throw error;
    },
    note,
    async explain(functionName, error) {
      // The news of a loss may come right after the rejection that it causes.
      await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      return errorOf(functionName) ??
        new DeviceError(functionName, `the device failed: ${messageOf(error)}`);
    },
  };
}
