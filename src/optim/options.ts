import { OptionError } from "../core/errors.ts";
import { describe } from "../tree/tree.ts";

/** Refuses an option that is not a number in a range, given as a predicate and its words. */
export function checkNumber(
  functionName: string,
  name: string,
  value: unknown,
  accepts: (value: number) => boolean,
  expected: string,
): void {
  if (typeof value !== "number" || Number.isNaN(value) || !accepts(value)) {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected ${expected}`);
  }
}

/** Refuses an option that is neither true nor false. */
export function checkBoolean(functionName: string, name: string, value: unknown): void {
  if (typeof value !== "boolean") {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected true or false`);
  }
}

/** Refuses names that the function does not know: a misspelt option would change nothing, silently. */
export function checkKnown(
  functionName: string,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof options !== "object" || options === null) {
    throw new OptionError(
      functionName,
      `options is ${describe(options)}; expected an object with some of ${known.join(", ")}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new OptionError(
        functionName,
        `unknown option ${JSON.stringify(name)}; expected one of ${known.join(", ")}`,
      );
    }
  }
}

/** [0, 1): the range of decay rates. */
export function checkDecay(functionName: string, name: string, value: unknown): void {
  checkNumber(functionName, name, value, (b) => b >= 0 && b < 1, "a number in [0, 1)");
}

/** Finite and at least 0. */
export function checkNonNegative(functionName: string, name: string, value: unknown): void {
  checkNumber(functionName, name, value, (x) => x >= 0 && x < Infinity, "a finite number >= 0");
}
