import type { Continues } from "./continue.ts";
import type { Expressions } from "./expressions.ts";
import type { Item, Span } from "./items.ts";
import type { Reader } from "./reader.ts";
import type { Variable, Variables } from "./variables.ts";
import { assignments, deepest, hints, mostBlocks, reserved } from "./words.ts";

/** Reads blocks. */
export interface Statements {
  /** Whether the block always returns. */
  readonly block: () => boolean;
  /** Whether there was a return inside of a loop. */
  readonly hasReturnInLoop: () => boolean;
}

const noLabels = "a kernel has no labels: leave each loop by a condition of its own";

/** Reads statements, and adds to the items what is found in them. */
export function createStatements(
  reader: Reader,
  variables: Variables,
  { number, condition }: Expressions,
  items: Item[],
  continues: Continues,
): Statements {
  const { refuse, unexpected, peek, is, take, accept, expect, since, endsLine } = reader;
  /** Of each loop around the statement, whether there is a break in it. */
  const loops: { hasBreak: boolean }[] = [];
  let depth = 0;
  let blocks = 0;
  let hasReturnInLoop = false;

  function block(): boolean {
    expect("{");
    const returns = deeper(() =>
      variables.inBlock(() =>
        continues.inBlock(() => {
          let returns = false;
          while (!is("}")) {
            if (peek().kind === "end") unexpected(peek(), "}");
            const first = peek();
            if (statement()) returns = true;
            continues.after(since(first).end, is("}"), peek().start);
          }
          return returns;
        })
      )
    );
    expect("}");
    return returns;
  }

  function deeper(read: () => boolean, isBlock = true): boolean {
    depth++;
    if (isBlock) blocks++;
    if (depth > deepest || blocks > mostBlocks) {
      const [most, what] = blocks > mostBlocks ? [mostBlocks, "blocks"] : [deepest, "branches"];
      refuse(peek().start, `${most} ${what} in each other; a kernel has no more`);
    }
    const returns = read();
    depth--;
    if (isBlock) blocks--;
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
        return forLoop();
      case "while": {
        take();
        const isEndless = test();
        const { hasBreak } = loopBody();
        return isEndless && !hasBreak;
      }
      case "do": {
        take();
        const { returns, hasBreak } = loopBody();
        expect("while");
        const isEndless = test();
        accept(";");
        return (isEndless || returns) && !hasBreak;
      }
      case "break":
      case "continue": {
        const token = take();
        const loop = loops.at(-1);
        if (loop === undefined) {
          return refuse(token.start, `${token.text} stands outside of a loop`);
        }
        if (peek().kind === "name" && !endsLine()) refuse(peek().start, noLabels);
        if (token.text === "break") loop.hasBreak = true;
        endStatement();
        if (token.text === "continue") continues.note(since(token));
        return false;
      }
      case "return": {
        const token = take();
        if (is(";") || is("}") || endsLine()) {
          refuse(token.start, "return without a value; expected a number");
        }
        if (loops.length > 0) hasReturnInLoop = true;
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
    const { text: keyword } = take();
    const isConstant = keyword === "const";
    const declared: Variable[] = [];
    do {
      const token = take();
      if (token.text === "{" || token.text === "[") {
        refuse(token.start, "a kernel has no objects or lists to take apart");
      }
      if (token.kind !== "name") unexpected(token, "a name");
      if (is("of") || is("in")) {
        refuse(
          peek().start,
          `unexpected ${peek().text}; count, as in for (let i = 0; i < x.length; i++)`,
        );
      }
      if (!accept("=")) {
        refuse(token.start, `${token.text} has no value; expected one, which tells its type`);
      }
      const value = number();
      const variable = variables.declare(token, {
        isConstant,
        isWide: keyword === "var",
        initial: value,
      });
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
    if (is(":")) refuse(target.start, noLabels);
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
    // A row of conditions is no deeper than one.
    const other = is("if") ? deeper(choice, false) : body();
    return one && other;
  }

  function forLoop(): boolean {
    expect("for");
    expect("(");
    return variables.inBlock(() => {
      let declared: Variable[] = [];
      if (is("let") || is("var") || is("const")) declared = declaration();
      else unexpected(peek(), "a variable of the loop, as in for (let i = 0; i < 3; i++)");
      expect(";");
      const test = condition();
      const isEndless = isTrue(test);
      for (const each of declared) each.condition = test;
      expect(";");
      if (is(")")) unexpected(peek(), "a step, as in for (let i = 0; i < 3; i++)");
      assignment();
      expect(")");
      const { hasBreak } = loopBody();
      return isEndless && !hasBreak;
    });
  }

  /** Whether it is written to hold always. */
  function test(): boolean {
    expect("(");
    const isEndless = isTrue(condition());
    expect(")");
    return isEndless;
  }

  function isTrue({ start, end }: Span): boolean {
    const item = items.at(-1);
    return item?.kind === "truth" && item.value && item.start === start && item.end === end;
  }

  /** What comes of it if it ends, and whether it is left before. */
  function loopBody(): { returns: boolean; hasBreak: boolean } {
    const loop = { hasBreak: false };
    loops.push(loop);
    const first = peek();
    const returns = continues.inLoop(body, () => since(first));
    loops.pop();
    return { returns, ...loop };
  }

  /** A statement in a block of its own. */
  function body(): boolean {
    return is("{") ? block() : deeper(() => variables.inBlock(statement));
  }

  return { block, hasReturnInLoop: () => hasReturnInLoop };
}
