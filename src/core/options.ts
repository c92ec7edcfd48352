/** Checks of what public functions are given. TypeScript refuses most of it; JavaScript refuses nothing. */
import { OptionError } from "./errors.ts";
import { describe, isPlainObject } from "./value-kinds.ts";

/** Refuses names that the function does not know: a misspelt option would change nothing, silently. */
export function checkKnown(
  functionName: string,
  options: unknown,
  known: readonly string[],
  where = "",
): void {
  let unknown: string | undefined;
  let count = 0;
  if (typeof options === "object" && options !== null) {
    // Inherited ones are read as well. Every call comes by here.
    for (const name in options) {
      count++;
      if (!known.includes(name)) unknown ??= name;
    }
  }
  // Whoever makes options by a class may: what has others than these, or none, is no such thing.
  if ((unknown !== undefined || count === 0) && !isPlainObject(options)) {
    throw new OptionError(
      functionName,
      `options is ${describe(options)}; expected an object with some of ${known.join(", ")}`,
    );
  }
  if (unknown === undefined) return;
  throw new OptionError(
    functionName,
    `unknown option ${JSON.stringify(unknown)}${where}; expected one of ${known.join(", ")}`,
  );
}

/** Refuses an option that is not a number in a range, given as a predicate and its words. */
export function checkNumber(
  functionName: string,
  name: string,
  value: unknown,
  accepts: (value: number) => boolean,
  expected: string,
): asserts value is number {
  if (typeof value !== "number" || Number.isNaN(value) || !accepts(value)) {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected ${expected}`);
  }
}

/** Refuses what is not a whole number of at least 0. */
export function checkCount(functionName: string, name: string, value: unknown): void {
  const accepts = (count: number) => Number.isSafeInteger(count) && count >= 0;
  checkNumber(functionName, name, value, accepts, "a whole number >= 0");
}

/** Refuses an option that is neither true nor false. */
export function checkBoolean(functionName: string, name: string, value: unknown): void {
  if (typeof value !== "boolean") {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected true or false`);
  }
}

/** Refuses what cannot be called. */
export function checkFunction(functionName: string, name: string, value: unknown): void {
  if (typeof value !== "function") {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected a function`);
  }
}

/** Refuses what is no number (NaN is one), or no string. */
export function checkType(
  functionName: string,
  name: string,
  value: unknown,
  type: "number" | "string",
): void {
  const found: string = typeof value;
  if (found !== type) {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected a ${type}`);
  }
}

/** Refuses what is no array. */
export function checkList(functionName: string, name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new OptionError(functionName, `${name} is ${describe(value)}; expected an array`);
  }
}
