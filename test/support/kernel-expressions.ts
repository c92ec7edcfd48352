import fc from "fast-check";

/** Where an expression is computed. */
export interface Place {
  readonly row: readonly number[];
  readonly thread: number;
  readonly variables: Readonly<Record<string, number>>;
}

/** A piece of a kernel, and what JavaScript makes of it. */
export interface Expression<Value> {
  readonly text: string;
  /** Throws `inexact` where a result is none of float32, so that a device could give another. */
  readonly value: (place: Place) => Value;
}

/** Thrown where float32 is not enough. */
export const inexact: unique symbol = Symbol("inexact");

function checked(value: number): number {
  const isUsual = Math.fround(value) === value && (value === 0 || Math.abs(value) >= 2 ** -126);
  if (isUsual || Number.isNaN(value)) return value;
  throw inexact;
}

/** A sum without what is lost in float64 either. */
function sum(a: number, b: number): number {
  const value = a + b;
  if (Number.isFinite(value) && (value - a !== b || value - b !== a)) throw inexact;
  return value;
}

const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": sum,
  "-": (a, b) => sum(a, -b),
  "*": (a, b) => a * b,
  "%": (a, b) => a % b,
  "|": (a, b) => a | b,
  "&": (a, b) => a & b,
  "^": (a, b) => a ^ b,
  "<<": (a, b) => a << b,
  ">>": (a, b) => a >> b,
  ">>>": (a, b) => a >>> b,
};

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "===": (a, b) => a === b,
  "!==": (a, b) => a !== b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

const functions = ["abs", "ceil", "floor", "round", "sign", "trunc"] as const;
const quotients = [2, 0.25, -8, 0];

const literals: readonly [string, number][] = [
  ["0", 0],
  ["1", 1],
  ["3", 3],
  ["0.5", 0.5],
  ["-2.25", -2.25],
  ["7.75", 7.75],
  ["31", 31],
  ["0xff", 255],
  ["16777216", 2 ** 24],
  ["8589934592", 2 ** 33],
  ["Infinity", Infinity],
  ["NaN", NaN],
];

/** Expressions of numbers, with the variables that there are. */
export function numberExpressions(variables: readonly string[]): fc.Arbitrary<Expression<number>> {
  const leaf: fc.Arbitrary<Expression<number>> = fc.oneof(
    fc.constantFrom(...literals).map(([text, number]) => ({ text, value: () => number })),
    fc.constant({
      text: "x[this.thread.x]",
      value: ({ row, thread }: Place) => row[thread]!,
    }),
    fc.constant({ text: "this.thread.x", value: ({ thread }: Place) => thread }),
    fc.constant({ text: "x.length", value: ({ row }: Place) => row.length }),
    ...variables.map((name) =>
      fc.constant({ text: name, value: ({ variables }: Place) => variables[name]! })
    ),
  );
  const { number } = fc.letrec<{ number: Expression<number>; condition: Expression<boolean> }>(
    (tie) => {
      const two = fc.tuple(tie("number"), tie("number"));
      const binary = fc.tuple(fc.constantFrom(...Object.keys(operators)), two);
      const compared = fc.tuple(fc.constantFrom(...Object.keys(comparisons)), two);
      return {
        number: fc.oneof(
          { maxDepth: 5, depthIdentifier: "kernel" },
          { weight: 3, arbitrary: leaf },
          {
            weight: 5,
            arbitrary: binary.map(([operator, [a, b]]) => ({
              text: `(${a.text} ${operator} ${b.text})`,
              value: (at: Place) => checked(operators[operator]!(a.value(at), b.value(at))),
            })),
          },
          {
            weight: 1,
            arbitrary: fc.tuple(tie("number"), fc.constantFrom(...quotients)).map(([a, by]) => ({
              text: `(${a.text} / ${by})`,
              value: (at: Place) => checked(a.value(at) / by),
            })),
          },
          {
            weight: 1,
            arbitrary: fc.tuple(fc.constantFrom("-", "+", "~"), tie("number")).map(([sign, a]) => ({
              text: `(${sign} ${a.text})`,
              value: (at: Place) => {
                const value = a.value(at);
                return sign === "~" ? checked(~value) : sign === "-" ? -value : value;
              },
            })),
          },
          {
            weight: 1,
            arbitrary: fc.tuple(fc.constantFrom(...functions), tie("number")).map(([name, a]) => ({
              text: `Math.${name}(${a.text})`,
              value: (at: Place) => Math[name](a.value(at)),
            })),
          },
          {
            weight: 1,
            arbitrary: fc.tuple(fc.constantFrom("max", "min"), two).map(([name, [a, b]]) => ({
              text: `Math.${name}(${a.text}, ${b.text})`,
              value: (at: Place) => Math[name as "max"](a.value(at), b.value(at)),
            })),
          },
          {
            weight: 1,
            arbitrary: tie("number").map((index) => ({
              text: `x[${index.text}]`,
              value: (at: Place) => at.row[index.value(at)] ?? NaN,
            })),
          },
          {
            weight: 2,
            arbitrary: fc.tuple(tie("condition"), two).map(([test, [a, b]]) => ({
              text: `(${test.text} ? ${a.text} : ${b.text})`,
              value: (at: Place) => test.value(at) ? a.value(at) : b.value(at),
            })),
          },
        ),
        condition: fc.oneof(
          { maxDepth: 5, depthIdentifier: "kernel" },
          {
            weight: 4,
            arbitrary: compared.map(([operator, [a, b]]) => ({
              text: `${a.text} ${operator} ${b.text}`,
              value: (at: Place) => comparisons[operator]!(a.value(at), b.value(at)),
            })),
          },
          {
            weight: 1,
            arbitrary: tie("number").map((a) => ({
              text: `isNaN(${a.text})`,
              value: (at: Place) => Number.isNaN(a.value(at)),
            })),
          },
          {
            weight: 1,
            arbitrary: tie("condition").map((a) => ({
              text: `!(${a.text})`,
              value: (at: Place) => !a.value(at),
            })),
          },
          {
            weight: 1,
            arbitrary: fc.tuple(tie("condition"), tie("condition")).map(([a, b]) => ({
              text: `(${a.text} && !(${b.text}) || ${b.text})`,
              value: (at: Place) => a.value(at) && !b.value(at) || b.value(at),
            })),
          },
        ),
      };
    },
  );
  return number;
}

/** Functions with a variable, a loop and a condition around such expressions. */
export const randomKernels: fc.Arbitrary<Expression<number>> = fc.tuple(
  numberExpressions([]),
  numberExpressions(["a"]),
  numberExpressions(["a", "b", "i"]),
  fc.integer({ min: 0, max: 4 }),
  fc.constantFrom("=", "+=", "-="),
).map(([first, second, turn, turns, operator]) => ({
  text: `const a = ${first.text}; let b = ${second.text};
    for (let i = 0; i < ${turns}; i++) { b ${operator} ${turn.text}; }
    if (b !== b) return a; return b;`,
  value(at) {
    const a = first.value(at);
    let b = second.value({ ...at, variables: { a } });
    for (let i = 0; i < turns; i++) {
      const value = turn.value({ ...at, variables: { a, b, i } });
      b = checked(operator === "=" ? value : sum(b, operator === "-=" ? -value : value));
    }
    return Number.isNaN(b) ? a : b;
  },
}));
