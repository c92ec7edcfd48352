/**
 * Which whole numbers a piece of a kernel's function can be, as far as that is known before it runs. What is in a range is
 * no NaN, and an index in the range of an extent needs no check.
 */
import type { Shape } from "../../core/shape.ts";
import type { Item, KernelSource, Span } from "./items.ts";

/** Whole numbers from `low` to `high`. */
export interface WholeRange {
  readonly low: number;
  readonly high: number;
}

/** What a kernel is compiled for. */
export interface KernelShapes {
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly constants: ReadonlyMap<string, number>;
}

/** What is known of the numbers in a kernel's function. */
export interface Ranges {
  /** The numbers that a piece can be; undefined if that is not known. */
  of(piece: Span): WholeRange | undefined;
  /** The numbers that a variable can be. */
  ofVariable(declaration: number): WholeRange | undefined;
  /** Whether an index is always one of its axis. */
  isInside(item: Extract<Item, { kind: "element" | "length" }>, axis: number): boolean;
  /** Whether all indices are. */
  readonly areInside: boolean;
}

/** float32 and int32 have all whole numbers up to there. */
const most = 2 ** 24;

/** Works them out. */
export function rangesOf(
  { items, variables, itemAt }: KernelSource,
  { inputs, output, constants }: KernelShapes,
): Ranges {
  const extents = output.toReversed();
  const ofVariables = new Map<number, WholeRange | undefined>();

  function of(piece: Span): WholeRange | undefined {
    const item = itemAt(piece);
    const range = item === undefined ? undefined : ofItem(item);
    return range !== undefined && range.low >= -most && range.high <= most ? range : undefined;
  }

  function ofItem(item: Item): WholeRange | undefined {
    switch (item.kind) {
      case "number":
        return ofNumber(item.value);
      case "constant":
        return ofNumber(constants.get(item.name)!);
      case "length":
        return ofNumber(inputs[item.input]![item.indices.length]!);
      case "position": {
        const extent = extents[item.axis] ?? 1;
        return item.of === "output" ? ofNumber(extent) : { low: 0, high: Math.max(0, extent - 1) };
      }
      case "name":
        return ofVariable(item.declaration);
      case "unary": {
        const range = item.operator === "~" ? undefined : of(item.operand);
        return item.operator === "-" ? range && opposite(range) : range;
      }
      case "binary":
        return ofBinary(item.operator, of(item.left), of(item.right));
      case "call": {
        if (item.name !== "min" && item.name !== "max") return undefined;
        const [a, b] = item.args.map(of);
        const best = Math[item.name];
        return a && b && { low: best(a.low, b.low), high: best(a.high, b.high) };
      }
      default:
        return undefined;
    }
  }

  function ofVariable(declaration: number): WholeRange | undefined {
    // One that is asked for while it is worked out depends on itself.
    if (!ofVariables.has(declaration)) {
      ofVariables.set(declaration, undefined);
      ofVariables.set(declaration, rangeOfVariable(declaration));
    }
    return ofVariables.get(declaration);
  }

  /** Of one that never changes, or that counts up to a bound. */
  function rangeOfVariable(declaration: number): WholeRange | undefined {
    const { initial, condition, changes } = variables[declaration]!;
    const from = initial && of(initial);
    const [change, ...others] = changes;
    if (from === undefined || change === undefined) return from;
    const test = condition && itemAt(condition);
    if (test?.kind !== "binary" || others.length > 0 || !countsUp(change)) return undefined;
    const counter = itemAt(test.left);
    const bound = of(test.right);
    if (counter?.kind !== "name" || counter.declaration !== declaration) return undefined;
    if (bound === undefined || !["<", "<="].includes(test.operator)) return undefined;
    const last = test.operator === "<" ? bound.high - 1 : bound.high;
    return { low: from.low, high: Math.max(from.high, last) };
  }

  function countsUp(change: Item): boolean {
    if (change.kind === "step") return change.by > 0;
    if (change.kind !== "assignment" || change.operator !== "+=") return false;
    const by = of(change.value);
    return by !== undefined && by.low > 0;
  }

  const isInside: Ranges["isInside"] = ({ input, indices }, axis) => {
    const range = of(indices[axis]!);
    return range !== undefined && range.low >= 0 && range.high < inputs[input]![axis]!;
  };
  const areInside = items.every((item) =>
    (item.kind !== "element" && item.kind !== "length") ||
    item.indices.every((_, axis) => isInside(item, axis))
  );
  return { of, ofVariable, isInside, areInside };
}

function ofNumber(value: number): WholeRange | undefined {
  return Number.isInteger(value) ? { low: value, high: value } : undefined;
}

function opposite({ low, high }: WholeRange): WholeRange {
  return { low: -high, high: -low };
}

function ofBinary(operator: string, a?: WholeRange, b?: WholeRange): WholeRange | undefined {
  if (a === undefined || b === undefined) return undefined;
  switch (operator) {
    case "+":
      return { low: a.low + b.low, high: a.high + b.high };
    case "-":
      return ofBinary("+", a, opposite(b));
    case "*": {
      const products = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
      return { low: Math.min(...products), high: Math.max(...products) };
    }
    default:
      return undefined;
  }
}
