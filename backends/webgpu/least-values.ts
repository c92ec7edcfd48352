import type { Statement } from "../../src/backend/loop.ts";

/** Numbers that a value lies between, unless it is NaN; -0 counts as below 0. */
interface Range {
  readonly low: number;
  readonly high: number;
}

const nonNegative: Range = { low: 0, high: Infinity };

/**
 * The least that each value of a loop can be, where it has no sign unless it is NaN; otherwise undefined. Such floats are
 * ordered like their bits, which makes comparisons cheap.
 */
export function leastValues(statements: readonly Statement[]): readonly (number | undefined)[] {
  const ranges: (Range | undefined)[] = [];
  for (const statement of statements) ranges.push(rangeOf(statement, ranges));
  return ranges.map((range) => range?.low);
}

/** The range of a value that has no sign. */
function rangeOf(
  statement: Statement,
  ranges: readonly (Range | undefined)[],
): Range | undefined {
  if (statement.kind === "literal") {
    const value = statement.dtype === "float32" ? Math.fround(statement.value) : statement.value;
    return value > 0 || Object.is(value, 0) ? { low: value, high: value } : undefined;
  }
  if (statement.kind !== "apply") return undefined;
  const { op, args, dtype } = statement;
  const [a, b, c] = args.map((arg) => ranges[arg]);
  if (op === "bitcast") return dtype === "float32" && a !== undefined ? floatOfBits(a) : undefined;
  if (dtype === "int32") return integerRange(op, a, b);
  if (dtype !== "float32") return undefined;
  switch (op) {
    case "abs":
    case "exp":
    case "logistic":
      return nonNegative;
    case "mul":
      return args[0] === args[1] || (a && b) ? nonNegative : undefined;
    case "div":
      return a && b && nonNegative;
    case "sqrt":
    case "cbrt":
    case "rcbrt":
      return a && nonNegative;
    case "add":
      return a && b && { low: Math.max(a.low, b.low), high: Infinity };
    case "max":
      return (a ?? b) && { low: Math.max(a?.low ?? 0, b?.low ?? 0), high: Infinity };
    case "min":
      return a && b && { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) };
    case "select":
      return b && c && { low: Math.min(b.low, c.low), high: Math.max(b.high, c.high) };
    default:
      return undefined;
  }
}

const mostInteger = 2 ** 31 - 1;

function integerRange(op: string, a: Range | undefined, b: Range | undefined): Range | undefined {
  switch (op) {
    case "max":
      if (a === undefined && b === undefined) return undefined;
      return {
        low: Math.max(a?.low ?? 0, b?.low ?? 0),
        high: Math.max(a?.high ?? mostInteger, b?.high ?? mostInteger),
      };
    case "min":
      return a && b && { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) };
    case "and":
      if (a === undefined && b === undefined) return undefined;
      return { low: 0, high: Math.min(a?.high ?? mostInteger, b?.high ?? mostInteger) };
    case "sub":
      return a && b && a.low >= b.high ? { low: a.low - b.high, high: a.high - b.low } : undefined;
    default:
      return undefined;
  }
}

/** The numbers with these bits, of which the first has no sign. */
function floatOfBits({ low, high }: Range): Range | undefined {
  if (high > mostInteger) return undefined;
  const numbers = new Float32Array(Int32Array.of(low, high).buffer);
  // What lies above infinity is NaN.
  const [first, last] = Array.from(numbers, (x) => Number.isNaN(x) ? Infinity : x);
  return { low: first!, high: last! };
}
