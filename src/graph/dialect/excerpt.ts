import { KernelError } from "../../core/errors.ts";

const widest = 100;

/** An error about a place in a kernel's function, with that line of it. */
export function kernelError(
  name: string,
  source: string,
  offset: number,
  message: string,
): KernelError {
  const before = source.slice(0, offset).split("\n");
  const line = before.length;
  const column = before.at(-1)!.length;
  const whole = source.split("\n")[line - 1]!;
  // A minified function is one line; of that the part around the place is shown.
  const from = Math.max(0, whole.length > widest ? column - widest / 2 : 0);
  const text = whole.slice(from, from + widest);
  // Tabs stay, so that the mark stands below its place.
  const indent = text.slice(0, column - from).replace(/[^\t]/g, " ");
  return new KernelError(
    "customKernel",
    `line ${line} of ${name}: ${message}\n  ${text}\n  ${indent}^`,
    line,
  );
}
