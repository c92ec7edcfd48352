import type { Expressions } from "./expressions.ts";
import type { Item } from "./items.ts";
import type { Reader } from "./reader.ts";
import type { Variables } from "./variables.ts";
import { assignments, hints, ofBits, reserved } from "./words.ts";

/** Gives the reader of blocks; it says whether a block always returns. */
export function createStatements(
  reader: Reader,
  variables: Variables,
  { number, condition }: Expressions,
  items: Item[],
): () => boolean {
  const { refuse, unexpected, peek, is, take, accept, expect, since, endsLine } = reader;
  let loops = 0;

  function block(): boolean {
    expect("{");
    const returns = variables.inBlock(() => {
      let returns = false;
      while (!is("}")) {
        if (peek().kind === "end") unexpected(peek(), "}");
        if (statement()) returns = true;
      }
      return returns;
    });
    expect("}");
    return returns;
  }

  function statement(): boolean {
    switch (peek().text) {
      case "{":
        return block();
      case ";":
        take();
        return false;
      case "const":
      case "let":
      case "var":
        declaration();
        endStatement();
        return false;
      case "if":
        return choice();
      case "for":
        forLoop();
        return false;
      case "while":
        take();
        test();
        loopBody();
        return false;
      case "do":
        take();
        loopBody();
        expect("while");
        test();
        accept(";");
        return false;
      case "break": {
        const token = take();
        if (loops === 0) refuse(token.start, "break stands outside of a loop");
        endStatement();
        return false;
      }
      case "return": {
        const token = take();
        if (is(";") || is("}")) refuse(token.start, "return without a value; expected a number");
        number();
        endStatement();
        return true;
      }
      default:
        assignment();
        endStatement();
        return false;
    }
  }

  /** A semicolon, or the end of the line or block. */
  function endStatement(): void {
    if (accept(";") || is("}") || endsLine()) return;
    unexpected(peek(), ";");
  }

  function declaration(): void {
    const isConstant = take().text === "const";
    do {
      const token = take();
      if (token.text === "{" || token.text === "[") {
        refuse(token.start, "a kernel has no objects or lists to take apart");
      }
      if (token.kind !== "name") unexpected(token, "a name");
      if (!accept("=")) {
        refuse(token.start, `${token.text} has no value; expected one, which tells its type`);
      }
      number();
      const { declaration } = variables.declare(token, { isConstant });
      items.push({ kind: "name", start: token.start, end: token.end, declaration });
    } while (accept(","));
  }

  function assignment(): void {
    const first = peek();
    const isPrefix = accept("++") || accept("--");
    const target = take();
    if (target.kind !== "name" || reserved.has(target.text) || hints.has(target.text)) {
      unexpected(target, "a statement");
    }
    const { declaration, rank, isConstant } = variables.find(target);
    const operator = isPrefix ? first : peek();
    const isStep = operator.text === "++" || operator.text === "--";
    if (rank !== undefined && (isStep || assignments.has(operator.text) || is("["))) {
      refuse(target.start, `${target.text} is an input, which cannot be changed`);
    }
    if (!isStep && !assignments.has(operator.text)) {
      const isAlone = operator.kind !== "punctuator" || is(";") || is("}");
      if (isAlone) refuse(first.start, "this statement does nothing; expected an assignment");
      unexpected(operator, "an assignment");
    }
    if (ofBits.has(operator.text)) {
      const sign = operator.text.slice(0, -1);
      refuse(operator.start, `a kernel has no ${operator.text}; write x = x ${sign} y`);
    }
    if (isConstant) refuse(target.start, `${target.text} is const, which cannot be changed`);
    if (isStep) {
      if (!isPrefix) take();
      const by = operator.text === "++" ? 1 : -1;
      items.push({ kind: "step", ...since(first), declaration, by });
      return;
    }
    items.push({ kind: "name", start: target.start, end: target.end, declaration });
    take();
    number();
  }

  function choice(): boolean {
    expect("if");
    test();
    const one = body();
    if (!accept("else")) return false;
    const other = body();
    return one && other;
  }

  function forLoop(): void {
    expect("for");
    expect("(");
    variables.inBlock(() => {
      if (is("let") || is("var") || is("const")) declaration();
      else unexpected(peek(), "a variable of the loop, as in for (let i = 0; i < 3; i++)");
      expect(";");
      condition();
      expect(";");
      assignment();
      expect(")");
      loopBody();
    });
  }

  function test(): void {
    expect("(");
    condition();
    expect(")");
  }

  function loopBody(): void {
    loops++;
    body();
    loops--;
  }

  /** A statement in a block of its own. */
  function body(): boolean {
    return variables.inBlock(statement);
  }

  return block;
}
