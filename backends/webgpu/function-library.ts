import { createFunctions } from "./functions.ts";

/** Functions for shaders of somebody else. */
export interface FunctionLibrary {
  /**
   * The texts of functions on single elements and of what they call; they may ask for the variables `zeroBits` and
   * `guardBits` of type u32, which are to hold zeros that no compiler foresees.
   */
  textOf(names: Iterable<string>): string;
}

export const functionLibrary: FunctionLibrary = {
  textOf(names) {
    const functions = createFunctions();
    for (const name of names) functions.use(name, 1);
    return functions.text();
  },
};
