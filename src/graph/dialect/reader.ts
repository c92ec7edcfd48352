import type { Span } from "./items.ts";
import { type Token, tokenize } from "./tokens.ts";
import { hints } from "./words.ts";

/** Refuses the function at a place in its text. */
export type Refuse = (offset: number, message: string) => never;

/** A kernel's function, word by word. */
export interface Reader {
  readonly refuse: Refuse;
  /** The next word, or one of those behind it. */
  peek(ahead?: number): Token;
  is(text: string): boolean;
  take(): Token;
  /** Takes the next word if it is this one. */
  accept(text: string): boolean;
  /** Takes the next word, which must be this one. */
  expect(text: string): Token;
  unexpected(token: Token, expected: string): never;
  /** From a word to the last one that was taken. */
  since(token: Token): Span;
  /** Whether a line ends before the next word. */
  endsLine(): boolean;
}

/** Reads a text. */
export function createReader(source: string, refuse: Refuse): Reader {
  const tokens = tokenize(source, refuse);
  let next = 0;
  const peek = (ahead = 0): Token => tokens[Math.min(next + ahead, tokens.length - 1)]!;
  const is = (text: string): boolean => peek().text === text;

  function unexpected(token: Token, expected: string): never {
    const hint = hints.get(token.text);
    const what = token.kind === "end" ? "the function ends too early" : `unexpected ${token.text}`;
    return refuse(token.start, `${what}; ${hint ?? `expected ${expected}`}`);
  }

  function take(): Token {
    const token = peek();
    next++;
    return token;
  }

  return {
    refuse,
    peek,
    is,
    take,
    accept(text) {
      if (!is(text)) return false;
      next++;
      return true;
    },
    expect: (text) => is(text) ? take() : unexpected(peek(), text),
    unexpected,
    since: ({ start }) => ({ start, end: tokens[next - 1]!.end }),
    endsLine: () => source.slice(tokens[next - 1]!.end, peek().start).includes("\n"),
  };
}
