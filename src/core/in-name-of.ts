import { KernelError, SoftstepError } from "./errors.ts";

/** Runs what a public function is made of: whatever that refuses, the function refuses that was called. */
export function inNameOf<Result>(functionName: string, body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    throw renamed(functionName, error);
  }
}

/** An error of ours as an error of another function; all others as they are. */
export function renamed(functionName: string, error: unknown): unknown {
  if (!(error instanceof SoftstepError) || error.functionName === functionName) return error;
  const line = error instanceof KernelError ? error.line : undefined;
  return new (error.constructor as typeof KernelError)(functionName, reasonOf(error), line);
}

/** What an error says besides the name of the function. */
export function reasonOf({ functionName, message }: SoftstepError): string {
  return message.slice(functionName.length + 2);
}
