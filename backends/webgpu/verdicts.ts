/** What a device says of the shaders of users' functions: it says it after the call that was to blame. */
import { KernelError } from "../../src/core/errors.ts";

/** Whether a device takes a shader. */
export interface Verdict {
  /** The error to throw, once it is known that it does not. */
  error?: KernelError;
  isKnown: boolean;
  readonly settled: Promise<void>;
}

/** The verdict that an error scope ends with. */
export function verdictOf(kernel: string, scope: Promise<GPUError | null>): Verdict {
  const verdict: Verdict = {
    isKnown: false,
    // Where the device was lost, which is told elsewhere, there is none.
    settled: scope.catch(() => null).then((error) => {
      verdict.isKnown = true;
      if (error === null) return;
      verdict.error = new KernelError(
        "customKernel",
        // Some show all of a line, which may be very long.
        `the device refused the shader of ${kernel}: ${error.message.slice(0, 300)}`,
      );
    }),
  };
  return verdict;
}

/** Those that are still to come. @throws {KernelError} if one of the others was a refusal. */
export function openVerdicts(verdicts: readonly Verdict[]): Verdict[] {
  for (const { error } of verdicts) {
    if (error !== undefined) throw error;
  }
  return verdicts.filter(({ isKnown }) => !isKnown);
}
