/**
 * Arithmetic on numbers in a user's function. Drivers rearrange it, and assume that there is no NaN: they make x of
 * (x + c) - c, 0 of x - x and of 0 * x, x of x * y / y, and x * (y + z) of x * y + x * z. So what an operator gives is made
 * opaque before another one, or a variable, has it; alone the product that is added to a variable is not, since loops live
 * of that.
 */
import type { Item, KernelSource, Span } from "../../src/graph/dialect/items.ts";
import type { Ranges } from "../../src/graph/dialect/ranges.ts";
import { fewTerms, mostTerms } from "./custom-functions.ts";
import type { OperatorTexts } from "./custom-operators.ts";

/** Writes a piece of the function. */
export type Render = (piece: Span) => string;

/** Writes arithmetic. */
export interface Arithmetic {
  /** An operator that is not one of bits or a comparison, and its operands. */
  ofItem(item: Extract<Item, { kind: "binary" }>, render: Render): string;
  /** What `v += x` and the like give. */
  ofVariable(operator: string, declaration: number, value: Span, render: Render): string;
  /** A number that compilers know nothing of. */
  opaque(piece: Span, render: Render): string;
}

/** What it is written for. */
export interface ArithmeticContext {
  readonly parsed: KernelSource;
  readonly ranges: Ranges;
  /** The number of inputs, which are declared before variables. */
  readonly inputs: number;
  readonly operators: OperatorTexts;
  /** Whether no compiler comes after gpu.js. */
  readonly isJavaScript: boolean;
  /** A number as gpu.js's float. */
  readonly numberText: (piece: Span, render: Render) => string;
}

/** Writes it for a kernel. */
export function createArithmetic(
  { parsed: { items, variables, itemAt }, ranges, inputs, operators, isJavaScript, numberText }:
    ArithmeticContext,
): Arithmetic {
  function operandOf(piece: Span, render: Render): Operand {
    const item = itemAt(piece);
    const isCounted = ranges.of(piece) !== undefined;
    return { piece, item, text: numberText(piece, render), isCounted };
  }

  function arithmeticText(operator: string, a: Operand, b: Operand): string {
    // Of two integers gpu.js would make a third one.
    if (a.isCounted && b.isCounted) {
      const float = operators.float(a.text);
      return operators.arithmetic(
        operator,
        operator === "-" ? operators.another(float) : float,
        b.text,
      );
    }
    const text = (each: Operand, other: Operand): string => {
      const isLone = operator === "+" && isProduct(each.item) && isOutside(other.item, each.piece);
      return isSeen(each) && !isLone ? operators.guarded(each.text) : each.text;
    };
    // Nothing but 0 and NaN comes of x - x, and 1 and NaN of x / x.
    const mayBeSame = (operator === "-" || operator === "/") && !a.isCounted &&
      (isMade(a.item) || (isPassedOn(a.item) && isPassedOn(b.item)));
    const left = mayBeSame ? operators.another(a.text) : text(a, b);
    return operators.arithmetic(operator, left, text(b, a));
  }

  /** Whether compilers see what it is made of, or that it is a certain number. */
  function isSeen({ item, isCounted }: Operand): boolean {
    const isNumber = isCounted && item?.kind === "name" &&
      variables[item.declaration]!.condition === undefined;
    return isNumber || isMade(item);
  }

  /** The terms of a long sum, from left to right. */
  function termsOf(item: Item, terms: Term[] = []): Term[] {
    if (!isSum(item)) {
      terms.push({ piece: item, operator: "+" });
      return terms;
    }
    const left = itemAt(item.left);
    if (left === undefined) terms.push({ piece: item.left, operator: "+" });
    else termsOf(left, terms);
    terms.push({ piece: item.right, operator: item.operator });
    return terms;
  }

  /** A long sum as calls of functions of several terms: compilers have limits for what lies in parentheses. */
  function sumText(terms: readonly Term[], render: Render): string {
    const [first, ...others] = terms.map(({ piece, operator }) => {
      const operand = operandOf(piece, render);
      if (operator === "-") return `(-${operators.another(operand.text)})`;
      return isSeen(operand) ? operators.guarded(operand.text) : operand.text;
    });
    let sum = first!;
    for (let i = 0; i < others.length; i += mostTerms) {
      sum = operators.sum(sum, others.slice(i, i + mostTerms));
    }
    return sum;
  }

  /** Whether it is a variable that does not occur in the piece. */
  function isOutside(item: Item | undefined, { start, end }: Span): boolean {
    return item?.kind === "name" && item.declaration >= inputs &&
      !items.some((each) =>
        each.kind === "name" && each.declaration === item.declaration && each.start >= start &&
        each.end <= end
      );
  }

  /** A number that compilers know nothing of. */
  function opaque(piece: Span, render: Render): string {
    const text = numberText(piece, render);
    const item = itemAt(piece);
    const isPlain = ranges.of(piece) !== undefined || !(isMade(item) || isRead(item));
    return isPlain || item?.kind === "name" && item.declaration >= inputs
      ? text
      : operators.guarded(text);
  }

  return {
    ofItem(item, render) {
      const terms = isJavaScript ? [] : termsOf(item);
      return terms.length > fewTerms ? sumText(terms, render) : arithmeticText(
        item.operator,
        operandOf(item.left, render),
        operandOf(item.right, render),
      );
    },
    ofVariable(operator, declaration, value, render) {
      const place = { start: value.start, end: value.start };
      const own: Operand = {
        text: `v${declaration}`,
        piece: place,
        item: { kind: "name", declaration, ...place },
        isCounted: false,
      };
      return operators.guarded(arithmeticText(operator, own, operandOf(value, render)));
    },
    opaque,
  };
}

/** A piece, and how it is added to those before it. */
interface Term {
  readonly piece: Span;
  readonly operator: string;
}

interface Operand {
  readonly text: string;
  readonly piece: Span;
  readonly item: Item | undefined;
  /** Whether it is a whole number in a known range. */
  readonly isCounted: boolean;
}

/** Whether compilers see what it is made of. */
function isMade(item: Item | undefined): boolean {
  return item?.kind === "binary" || item?.kind === "unary"
    ? !isOfBits(item)
    : item?.kind === "call" || item?.kind === "choice";
}

function isRead(item: Item | undefined): boolean {
  return item?.kind === "name" || item?.kind === "element";
}

/** Whether it may be the very value of another piece, which both read, or choose. */
function isPassedOn(item: Item | undefined): boolean {
  return item?.kind === "number"
    ? !Number.isFinite(item.value)
    : isRead(item) || item?.kind === "choice" || item?.kind === "unary";
}

function isSum(item: Item): item is Extract<Item, { kind: "binary" }> {
  return item.kind === "binary" && (item.operator === "+" || item.operator === "-");
}

function isProduct(item: Item | undefined): boolean {
  return item?.kind === "binary" && item.operator === "*";
}

/** An operator on bits, which makes integers of its operands. */
export type OfBits =
  | Extract<Item, { kind: "unary" }> & { readonly operator: "~" }
  | Extract<Item, { kind: "binary" }> & {
    readonly operator: "|" | "&" | "^" | "<<" | ">>" | ">>>";
  };

const bitOperators: ReadonlySet<string> = new Set(["~", "|", "&", "^", "<<", ">>", ">>>"]);

export function isOfBits(item: Item): item is OfBits {
  return (item.kind === "unary" || item.kind === "binary") && bitOperators.has(item.operator);
}
