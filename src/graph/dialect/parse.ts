import { createContinues } from "./continue.ts";
import { kernelError } from "./excerpt.ts";
import { createExpressions, keyOf } from "./expressions.ts";
import { checkHeights } from "./heights.ts";
import type { Item, KernelSource, Span } from "./items.ts";
import { createReader, type Refuse } from "./reader.ts";
import { createStatements } from "./statements.ts";
import { createVariables } from "./variables.ts";

/**
 * Reads a kernel's function and refuses what is not in the dialect: one plain function of numbers that runs for each
 * element, with loops and conditions, variables, Math, its inputs, this.thread, this.output and this.constants.
 *
 * @param name What messages call the kernel.
 * @param source The text of the function.
 * @param ranks The number of axes of each input.
 * @param constants The names of those that there are; absent where they are known to be right.
 * @throws {KernelError} with the line and its text.
 */
export function parseKernel(
  name: string,
  source: string,
  ranks: readonly number[],
  constants?: readonly string[],
): KernelSource {
  const refuse: Refuse = (offset, message) => {
    throw kernelError(name, source, offset, message);
  };
  checkStart(source, refuse);
  const reader = createReader(source, refuse);
  const { peek, is, take, expect, unexpected } = reader;
  const items: Item[] = [];
  const variables = createVariables(reader);
  const inner = new Map<string, Span>();
  const continues = createContinues(source);
  const expressions = createExpressions(reader, variables, items, inner, constants);
  const statements = createStatements(reader, variables, expressions, items, continues);

  expect("function");
  if (is("*")) refuse(peek().start, "a generator; expected a function that returns one number");
  if (peek().kind === "name") take();
  expect("(");
  let inputs = 0;
  while (!is(")")) {
    const token = take();
    const { text, start } = token;
    if (token.kind !== "name") {
      refuse(start, "a parameter is a plain name; expected one for each input");
    }
    if (is("=")) refuse(peek().start, `${text} has a default value; a kernel gets all inputs`);
    if (inputs === ranks.length) {
      refuse(start, `${text} is one parameter too many; expected ${inputsText(inputs)}`);
    }
    variables.declare(token, { rank: ranks[inputs++]!, isConstant: false });
    if (!is(")")) expect(",");
  }
  if (inputs < ranks.length) {
    refuse(
      peek().start,
      `the function takes ${inputsText(inputs)}; expected ${ranks.length}, as in inputs`,
    );
  }
  expect(")");
  const open = peek();
  const returns = statements.block();
  const body = { start: open.end, end: reader.since(open).end - 1 };
  if (!returns) {
    refuse(body.end, "the function can end without return; expected a number for each element");
  }
  if (peek().kind !== "end") unexpected(peek(), "the end of the function");
  const text = continues.rewritten();
  if (text !== source) return parseKernel(name, text, ranks);
  // A variable is declared after the value that stands behind it.
  items.sort((a, b) => a.end - b.end || b.start - a.start);
  checkHeights(items, refuse);
  const byPiece = new Map(items.map((item) => [keyOf(item), item]));
  const itemAt = (piece: Span): Item | undefined => {
    const within = inner.get(keyOf(piece));
    return within === undefined ? byPiece.get(keyOf(piece)) : itemAt(within);
  };
  const hasReturnInLoop = statements.hasReturnInLoop();
  return { text, items, variables: variables.all(), body, hasReturnInLoop, itemAt };
}

/** Tells other kinds of functions by their first words. */
function checkStart(source: string, refuse: Refuse): void {
  if (/^function\b/.test(source)) {
    if (/\{\s*\[native code\]\s*\}$/.test(source)) {
      refuse(0, "a bound or built-in function, which has no text; expected function (x) { ... }");
    }
    return;
  }
  if (/^async\b/.test(source)) refuse(0, "an async function; a kernel is synchronous");
  if (/^class\b/.test(source)) refuse(0, "a class; expected function (x) { ... }");
  if (/^(?:\([^)]*\)|[\w$]+)\s*=>/.test(source)) {
    refuse(0, "an arrow function, which has no `this`; expected function (x) { ... }");
  }
  refuse(0, "a method; expected function (x) { ... }");
}

function inputsText(count: number): string {
  return count === 1 ? "1 input" : `${count} inputs`;
}
