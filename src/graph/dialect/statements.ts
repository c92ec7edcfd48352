import type { Expressions } from "./expressions.ts";
import type { Item } from "./items.ts";
import type { Reader } from "./reader.ts";
import type { Variable, Variables } from "./variables.ts";
import { assignments, deepest, hints, reserved } from "./words.ts";

/** Reads blocks. */
export interface Statements {
  /** Whether the block always returns. */
  readonly block: () => boolean;
  /** Whether there was a return inside of a loop. */
  readonly hasReturnInLoop: () => boolean;
}

/** Reads statements, and adds to the items what is found in them. */
export function createStatements(
  reader: Reader,
  variables: Variables,
  { number, condition }: Expressions,
  items: Item[],
): Statements {
  const { refuse, unexpected, peek, is, take, accept, expect, since, endsLine } = reader;
  let loops = 0;
  let depth = 0;
  let hasReturnInLoop = false;

  function block(): boolean {
    const { start } = expect("{");
    if (++depth > deepest) refuse(start, `nested ${deepest} deep; a kernel has no more`);
    const returns = variables.inBlock(() => {
      let returns = false;
      while (!is("}")) {
        if (peek().kind === "end") unexpected(peek(), "}");
        if (statement()) returns = true;
      }
      return returns;
    });
    depth--;
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
        if (is(";") || is("}") || endsLine()) {
          refuse(token.start, "return without a value; expected a number");
        }
        if (loops > 0) hasReturnInLoop = true;
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

  /** The variables that it declares. */
  function declaration(): Variable[] {
    const isConstant = take().text === "const";
    const declared: Variable[] = [];
    do {
      const token = take();
      if (token.text === "{" || token.text === "[") {
        refuse(token.start, "a kernel has no objects or lists to take apart");
      }
      if (token.kind !== "name") unexpected(token, "a name");
      if (!accept("=")) {
        refuse(token.start, `${token.text} has no value; expected one, which tells its type`);
      }
      const value = number();
      const variable = variables.declare(token, { isConstant, initial: value });
      declared.push(variable);
      const { declaration } = variable;
      items.push({ kind: "declaration", ...since(token), declaration, value });
    } while (accept(","));
    return declared;
  }

  function assignment(): void {
    const first = peek();
    const isPrefix = accept("++") || accept("--");
    const target = take();
    if (target.kind !== "name" || reserved.has(target.text) || hints.has(target.text)) {
      unexpected(target, "a statement");
    }
    const variable = variables.find(target);
    const { declaration, rank, isConstant } = variable;
    const change = (item: Item): void => {
      items.push(item);
      variable.changes.push(item);
    };
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
    if (isConstant) refuse(target.start, `${target.text} is const, which cannot be changed`);
    if (isStep) {
      if (!isPrefix) take();
      const by = operator.text === "++" ? 1 : -1;
      change({ kind: "step", ...since(first), declaration, by });
      return;
    }
    take();
    const value = number();
    change({ kind: "assignment", ...since(first), declaration, operator: operator.text, value });
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
      let declared: Variable[] = [];
      if (is("let") || is("var") || is("const")) declared = declaration();
      else unexpected(peek(), "a variable of the loop, as in for (let i = 0; i < 3; i++)");
      expect(";");
      const test = condition();
      for (const each of declared) each.condition = test;
      expect(";");
      if (is(")")) unexpected(peek(), "a step, as in for (let i = 0; i < 3; i++)");
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

  return { block, hasReturnInLoop: () => hasReturnInLoop };
}
