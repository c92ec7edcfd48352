/** A word of a kernel's function. */
export interface Token {
  readonly kind: "name" | "number" | "punctuator" | "end";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const blank = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;
const name = /[\p{ID_Start}_$][\p{ID_Continue}$\u200c\u200d]*/uy;
const number =
  /0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
// Longest first.
const punctuator =
  />>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|<<|>>|\*\*|[{}()[\];,<>+\-*/%&|^!~?:=.]/y;

/** Splits a text into words; `refuse` is told of the first character that is none of ours. */
export function tokenize(
  source: string,
  refuse: (offset: number, message: string) => never,
): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  const take = (kind: Token["kind"], text: string): void => {
    tokens.push({ kind, text, start: at, end: at += text.length });
  };
  for (;;) {
    at += match(blank)!.length;
    if (at >= source.length) break;
    const word = match(name);
    if (word !== undefined) {
      take("name", word);
      continue;
    }
    const digits = match(number);
    if (digits !== undefined) {
      take("number", digits);
      if (match(name) !== undefined) refuse(at, "a number ends in letters");
      continue;
    }
    const sign = match(punctuator);
    if (sign === undefined) {
      const isText = /["'`]/.test(source[at]!);
      refuse(
        at,
        isText
          ? "a kernel has no strings"
          : `unexpected ${JSON.stringify(String.fromCodePoint(source.codePointAt(at)!))}`,
      );
    }
    take("punctuator", sign);
  }
  tokens.push({ kind: "end", text: "the end", start: at, end: at });
  return tokens;
}
