import assert from "node:assert/strict";
import { inspect } from "node:util";

/** What an example sees as `console`, and the check of what it printed. */
export interface ExampleConsole {
  readonly console: { log(...values: unknown[]): void };
  /** Holds the last line printed since the check before against a text, white space aside. */
  expectPrinted(expected: string, line: number): void;
}

/** A console that keeps what is printed; `path` is the example's file, for messages. */
export function exampleConsole(path: string): ExampleConsole {
  let printed: string | undefined;
  return {
    console: {
      log: (...values) => {
        printed = values
          .map((value) => typeof value === "string" ? value : inspect(value, { depth: null }))
          .join(" ");
      },
    },
    expectPrinted(expected, line) {
      assert.ok(printed !== undefined, `${path}:${line} prints nothing`);
      assert.equal(normalized(printed), normalized(expected), `${path}:${line} prints otherwise`);
      printed = undefined;
    },
  };
}

/** Runtimes differ in white space and in the kind of quotes. */
function normalized(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("'", '"').trim();
}
