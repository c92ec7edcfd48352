import { type KernelFunction, rememberKernel } from "../../src/graph/dialect/functions.ts";
import { readKernel } from "../../src/graph/dialect/read.ts";

/** Keeps the text of a kernel's function as `customKernel` does, and gives it back. */
export function rememberText(source: string): string {
  rememberKernel(source, {
    f: Function(`return ${source}`)() as KernelFunction,
    read: (shapes) => readKernel(source, shapes),
  });
  return source;
}
