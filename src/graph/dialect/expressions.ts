import type { Item, Span } from "./items.ts";
import type { Reader } from "./reader.ts";
import type { Token } from "./tokens.ts";
import type { Variable, Variables } from "./variables.ts";
import {
  assignments,
  deepest,
  hints,
  longest,
  mathConstants,
  mathFunctions,
  mostConditions,
  numberTests,
  numberWords,
  reserved,
} from "./words.ts";

/** What an expression gives. GPUs tell truth values from numbers, and JavaScript's rules between them end here. */
type Kind = "number" | "condition";

/** Readers of expressions. */
export interface Expressions {
  readonly number: () => Span;
  readonly condition: () => Span;
}

// deno-fmt-ignore -- a line a level, loosest first
const levels: readonly { readonly signs: readonly string[]; readonly of: Kind; readonly gives: Kind }[] = [
  { signs: ["||"], of: "condition", gives: "condition" },
  { signs: ["&&"], of: "condition", gives: "condition" },
  { signs: ["|"], of: "number", gives: "number" },
  { signs: ["^"], of: "number", gives: "number" },
  { signs: ["&"], of: "number", gives: "number" },
  { signs: ["==", "!=", "===", "!=="], of: "number", gives: "condition" },
  { signs: ["<", ">", "<=", ">="], of: "number", gives: "condition" },
  { signs: ["<<", ">>", ">>>"], of: "number", gives: "number" },
  { signs: ["+", "-"], of: "number", gives: "number" },
  { signs: ["*", "/", "%"], of: "number", gives: "number" },
];

const axes: readonly string[] = ["x", "y", "z"];

/** Reads expressions, and adds to the items what is found in them; `inner` gets what stands in which parentheses. */
export function createExpressions(
  reader: Reader,
  variables: Variables,
  items: Item[],
  inner: Map<string, Span>,
  constants?: readonly string[],
): Expressions {
  const { refuse, unexpected, peek, is, take, accept, expect, since } = reader;

  function checked(kind: Kind, read: () => Kind): void {
    const first = peek();
    check(kind, read(), first);
  }

  function check(expected: Kind, actual: Kind, first: Token): void {
    if (actual === expected) return;
    refuse(
      first.start,
      expected === "number"
        ? "a condition in the place of a number; write condition ? 1 : 0"
        : "a number in the place of a condition; compare it, as in x !== 0",
    );
  }

  let depth = 0;

  /** Reads what lies in something else. */
  function deeper<Result>(read: () => Result): Result {
    if (++depth > deepest) {
      refuse(peek().start, `nested ${deepest} deep; write it in several statements`);
    }
    const result = read();
    depth--;
    return result;
  }

  const number = (): Span => spanOf(() => checked("number", expression));
  const condition = (): Span => spanOf(() => checked("condition", expression));

  function spanOf(read: () => void): Span {
    const first = peek();
    read();
    return since(first);
  }

  function expression(): Kind {
    const first = peek();
    let kind = binary(0);
    const decided = since(first);
    if (accept("?")) {
      check("condition", kind, first);
      const one = number();
      expect(":");
      const other = deeper(number);
      items.push({ kind: "choice", ...since(first), condition: decided, one, other });
      kind = "number";
    }
    if (assignments.has(peek().text)) {
      refuse(peek().start, "an assignment inside of an expression; write it as a statement before");
    }
    return kind;
  }

  function binary(level: number): Kind {
    const operators = levels[level];
    if (operators === undefined) return deeper(unary);
    const { signs, of, gives } = operators;
    const most = of === "condition" ? mostConditions : longest;
    const first = peek();
    let kind = binary(level + 1);
    for (let count = 1; signs.includes(peek().text); count++) {
      if (count > most) {
        refuse(peek().start, `${most} operators in a row; write them in several statements`);
      }
      check(of, kind, first);
      const left = since(first);
      const operator = take().text;
      const right = spanOf(() => checked(of, () => binary(level + 1)));
      if (of === "number") items.push({ kind: "binary", ...since(first), operator, left, right });
      kind = gives;
    }
    return kind;
  }

  function unary(): Kind {
    const sign = peek();
    if (accept("-") || accept("+") || accept("~")) {
      const operator = sign.text as "-" | "+" | "~";
      const operand = spanOf(() => checked("number", () => deeper(unary)));
      items.push({ kind: "unary", ...since(sign), operator, operand });
      return "number";
    }
    if (is("!") && peek(1).kind === "number") {
      take();
      const value = Number(take().text) === 0;
      items.push({ kind: "truth", ...since(sign), value });
      return "condition";
    }
    if (accept("!")) {
      checked("condition", () => deeper(unary));
      return "condition";
    }
    const kind = primary();
    for (const token of [sign, peek()]) {
      if (token.text !== "++" && token.text !== "--") continue;
      const message = `${token.text} inside of an expression; write it as a statement before`;
      refuse(token.start, message);
    }
    return is("**") ? power(kind, sign) : kind;
  }

  /** From the right: a ** b ** c is a ** (b ** c). */
  function power(kind: Kind, first: Token): Kind {
    check("number", kind, first);
    const base = since(first);
    take();
    const exponent = spanOf(() => checked("number", () => deeper(unary)));
    items.push({ kind: "call", ...since(first), name: "pow", args: [base, exponent] });
    return "number";
  }

  function primary(): Kind {
    const token = peek();
    if (accept("true") || accept("false")) {
      items.push({ kind: "truth", ...since(token), value: token.text === "true" });
      return "condition";
    }
    if (accept("(")) {
      if (is(")")) refuse(token.start, `unexpected (); ${hints.get("=>")}`);
      let kind: Kind = "number";
      const piece = spanOf(() => kind = expression());
      expect(")");
      inner.set(keyOf(since(token)), piece);
      return kind;
    }
    if (token.kind === "name" && !variables.has(token.text)) {
      if (token.text === "Number") {
        take();
        return ofNumber(token, member());
      }
      if (numberTests.has(token.text)) return ofNumber(token, take());
    }
    operand(take());
    return "number";
  }

  /** A test of a number, with or without `Number.` before it. */
  function ofNumber(first: Token, { text, start }: Token): Kind {
    if (!numberTests.has(text)) {
      refuse(start, `a kernel has no Number.${text}; expected ${[...numberTests].join(" or ")}`);
    }
    expect("(");
    const arg = number();
    expect(")");
    items.push({ kind: "test", ...since(first), name: text as "isNaN" | "isFinite", arg });
    return "condition";
  }

  function operand(token: Token): void {
    if (token.kind === "number") {
      // Strict functions have no such number, and in others it may be octal.
      if (/^0\d/.test(token.text)) refuse(token.start, `${token.text} begins with 0`);
      items.push({
        kind: "number",
        ...since(token),
        value: Number(token.text.replaceAll("_", "")),
      });
      return;
    }
    if (token.text === "this") return ofThis(token);
    if (token.text === "Math") return ofMath(token);
    if (token.kind !== "name" || reserved.has(token.text)) unexpected(token, "a value");
    if (is("=>")) unexpected(peek(), "a value");
    const value = variables.has(token.text) ? undefined : numberWords.get(token.text);
    if (value !== undefined) {
      items.push({ kind: "number", ...since(token), value });
      return;
    }
    if (is("(") && !variables.has(token.text)) {
      refuse(
        token.start,
        `${token.text} is not declared in the function; a kernel calls only functions of Math`,
      );
    }
    ofVariable(token, variables.find(token));
    if (is(".") || is("(") || is("?.")) {
      refuse(peek().start, `unexpected ${peek().text}; ${token.text} is a number here`);
    }
  }

  /** With as many indices as there are axes, or fewer and the length of what is left. */
  function ofVariable(token: Token, { declaration, rank }: Variable): void {
    const indices: Span[] = [];
    while (is("[")) {
      if (indices.length === (rank ?? 0)) {
        const what = rank === undefined ? "a number" : `an input of ${axesText(rank)}`;
        refuse(peek().start, `${token.text} is ${what}; expected ${rank ?? 0} indices`);
      }
      take();
      indices.push(number());
      expect("]");
    }
    if (is("?.")) unexpected(peek(), "[");
    if (rank === undefined || rank === 0) {
      items.push({ kind: "name", ...since(token), declaration });
    } else if (indices.length === rank) {
      items.push({ kind: "element", ...since(token), input: declaration, indices });
    } else if (is(".") && peek(1).text === "length") {
      take();
      take();
      items.push({ kind: "length", ...since(token), input: declaration, indices });
    } else {
      const expected = token.text + "[...]".repeat(rank);
      refuse(token.start, `${token.text} is an input of ${axesText(rank)}; expected ${expected}`);
    }
  }

  function member(): Token {
    expect(".");
    const token = take();
    return token.kind === "name" ? token : unexpected(token, "a name");
  }

  function ofThis(token: Token): void {
    if (!is(".")) unexpected(token, "this.thread, this.output or this.constants");
    const part = member();
    if (part.text === "constants") {
      const { text: name } = member();
      if (constants?.includes(name) === false) {
        const known = constants.join(", ") || "none";
        refuse(
          token.start,
          `there is no constant ${name}; expected one of those given: ${known}`,
        );
      }
      items.push({ kind: "constant", ...since(token), name });
      return;
    }
    const of = part.text;
    if (of !== "thread" && of !== "output") {
      return refuse(
        part.start,
        `there is no this.${of}; expected this.thread, this.output or this.constants`,
      );
    }
    if (!is(".")) unexpected(peek(), `this.${of}.x, .y or .z`);
    const { text, start } = member();
    const axis = axes.indexOf(text);
    if (axis < 0) refuse(start, `there is no this.${of}.${text}; expected x, y or z`);
    items.push({ kind: "position", ...since(token), of, axis });
  }

  function ofMath(token: Token): void {
    if (!is(".")) unexpected(token, "a function of Math");
    const { text, start } = member();
    if (mathConstants.has(text)) {
      const value = Math[text as "PI"];
      items.push({ kind: "number", ...since(token), value });
      return;
    }
    const count = mathFunctions.get(text);
    if (count === undefined) {
      const hint = text === "random"
        ? "a kernel is a pure function: pass random numbers as an input"
        : `expected one of ${[...mathFunctions.keys(), ...mathConstants].join(", ")}`;
      return refuse(start, `a kernel has no Math.${text}; ${hint}`);
    }
    expect("(");
    const args: Span[] = [];
    while (!is(")")) {
      args.push(number());
      if (!is(")")) expect(",");
    }
    expect(")");
    if (args.length !== count) {
      refuse(start, `Math.${text} is given ${args.length} arguments; expected ${count}`);
    }
    items.push({ kind: "call", ...since(token), name: text, args });
  }

  return { number, condition };
}

/** A piece as a key. */
export function keyOf({ start, end }: Span): string {
  return `${start} ${end}`;
}

function axesText(rank: number): string {
  return rank === 0 ? "no axes" : rank === 1 ? "1 axis" : `${rank} axes`;
}
