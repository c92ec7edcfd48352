import { DeviceError, KernelError, type SoftstepError } from "../../src/core/errors.ts";
import { messageOf } from "./runtime.ts";

/** Whether a device still works. What a GPU reports, it reports after the call that was to blame. */
export interface Health {
  /** Whether something has failed. */
  hasFailed(): boolean;
  /** @throws {DeviceError} if something has failed, or {KernelError} if the shader of a user's function was refused. */
  check(functionName: string): void;
  /** The error to throw for what a promise of the device was rejected with. */
  explain(functionName: string, error: unknown): Promise<SoftstepError>;
  /** Notes that the shader of a user's function was refused. */
  refuse(kernel: string, reason: string): void;
}

/** Listens to what a device reports. `alive` gives bytes that are in use. */
export function watch(device: GPUDevice, alive: () => number): Health {
  let failure: string | undefined;
  let refusal: string | undefined;

  const errorOf = (functionName: string): SoftstepError | undefined =>
    // What else was reported follows from it: nothing is compiled after a failure.
    refusal !== undefined
      ? new KernelError("customKernel", refusal)
      : failure !== undefined
      ? new DeviceError(functionName, failure)
      : undefined;

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
    hasFailed: () => errorOf("data") !== undefined,
    check(functionName) {
      const error = errorOf(functionName);
      if (error !== undefined) throw error;
    },
    refuse(kernel, reason) {
      refusal ??= `the device refused the shader of ${kernel}: ${reason}`;
    },
    async explain(functionName, error) {
      // The news of a loss may come right after the rejection that it causes.
      await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      return errorOf(functionName) ??
        new DeviceError(functionName, `the device failed: ${messageOf(error)}`);
    },
  };
}
