import type { Item, Span } from "./items.ts";
import type { Reader } from "./reader.ts";
import type { Token } from "./tokens.ts";
import { hints, reserved } from "./words.ts";

/** An input of a kernel, or a variable of its function. */
export interface Variable {
  /** Inputs count first. */
  readonly declaration: number;
  /** The number of axes; undefined for a variable of the function. */
  readonly rank: number | undefined;
  readonly isConstant: boolean;
  readonly initial?: Span;
  /** The condition of the loop in whose head it is declared. */
  condition?: Span;
  readonly changes: Item[];
}

/** The variables that a place in a function sees. */
export interface Variables {
  /** Declares an input, or a variable of the innermost block. */
  declare(
    token: Token,
    kind: {
      readonly rank?: number;
      readonly isConstant: boolean;
      /** Whether it belongs to the whole function: `var`. */
      readonly isWide?: boolean;
      readonly initial?: Span;
    },
  ): Variable;
  has(name: string): boolean;
  /** The variable behind a name; refuses one from outside of the function. */
  find(token: Token): Variable;
  /** All of them, by their declarations. */
  all(): readonly Variable[];
  /** Runs `body` in a block of its own. */
  inBlock<Result>(body: () => Result): Result;
}

/** No variables yet. */
export function createVariables({ refuse, unexpected }: Reader): Variables {
  const blocks: Map<string, Variable>[] = [new Map()];
  /** Of each block the names of outer variables that were found in it. */
  const found: Set<string>[] = [new Set()];
  const all: Variable[] = [];
  const lookUp = (name: string): Variable | undefined =>
    blocks.findLast((block) => block.has(name))?.get(name);

  return {
    declare(token, { rank, isConstant, isWide = false, initial }) {
      if (token.kind !== "name" || reserved.has(token.text)) unexpected(token, "a name");
      const block = blocks.at(-1)!;
      const outer = lookUp(token.text);
      if (block.has(token.text) || outer?.rank !== undefined || (isWide && outer !== undefined)) {
        refuse(token.start, `${token.text} is declared twice`);
      }
      if (found.at(-1)!.has(token.text)) {
        refuse(token.start, `${token.text} is used in this block before it is declared`);
      }
      const variable: Variable = {
        declaration: all.length,
        rank,
        isConstant,
        ...(initial !== undefined && { initial }),
        changes: [],
      };
      all.push(variable);
      block.set(token.text, variable);
      return variable;
    },
    has: (name) => lookUp(name) !== undefined,
    find(token) {
      const hint = hints.get(token.text) ??
        "a kernel sees nothing from outside: hand numbers in as constants and read them as " +
          "this.constants.name, and tensors as inputs";
      for (let i = blocks.length - 1; i > 0 && !blocks[i]!.has(token.text); i--) {
        found[i]!.add(token.text);
      }
      return lookUp(token.text) ??
        refuse(token.start, `${token.text} is not declared in the function; ${hint}`);
    },
    all: () => all,
    inBlock(body) {
      blocks.push(new Map());
      found.push(new Set());
      const result = body();
      blocks.pop();
      found.pop();
      return result;
    },
  };
}
