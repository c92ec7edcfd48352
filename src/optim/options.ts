import { checkNumber } from "../core/options.ts";

/** [0, 1): the range of decay rates. */
export function checkDecay(functionName: string, name: string, value: unknown): void {
  checkNumber(functionName, name, value, (b) => b >= 0 && b < 1, "a number in [0, 1)");
}

/** Finite and at least 0. */
export function checkNonNegative(functionName: string, name: string, value: unknown): void {
  checkNumber(functionName, name, value, (x) => x >= 0 && x < Infinity, "a finite number >= 0");
}
