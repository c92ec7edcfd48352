import fc from "fast-check";

/** A piece of a kernel, and the same in JavaScript whose every operation is one of `Arithmetic`, here called `$`. */
interface Piece {
  readonly text: string;
  readonly told: string;
}

/** A function of a row x, and what computes one of its elements. */
export interface RandomKernel {
  readonly text: string;
  readonly compute: (arithmetic: Arithmetic, row: readonly number[], thread: number) => number;
}

/** Operators and functions by the names that they have in JavaScript. */
export type Arithmetic = Readonly<Record<string, (...args: number[]) => number>>;

/** Thrown where float32 is not enough, so that a device could give another result. */
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
  return checked(value);
}

/** Devices may have another sign of zero, and divide with an error. */
function quotient(a: number, b: number): number {
  const isPower = Math.abs(b) > 2 ** -100 && Math.abs(b) < 2 ** 100 &&
    Number.isInteger(Math.log2(Math.abs(b)));
  if (a === 0 || !Number.isFinite(a) || !Number.isFinite(b) || isPower) {
    if (b !== 0 || !(Math.abs(a) > 0)) return checked(a / b);
  }
  throw inexact;
}

/** Of what is rounded the ends are exact: NaN, infinities and 0. */
function ends(f: (...args: number[]) => number): (...args: number[]) => number {
  return (...args) => {
    const value = f(...args);
    if (Number.isFinite(value) && value !== 0) throw inexact;
    return value;
  };
}

function power(a: number, b: number): number {
  // Its sign follows from that of 0.
  if (a === 0 && b < 0) throw inexact;
  return a === 1 || b === 0 ? Math.pow(a, b) : ends(Math.pow)(a, b);
}

const rounding = ["abs", "ceil", "floor", "max", "min", "round", "sign", "trunc"] as const;
// deno-fmt-ignore -- a list
const elementary = [
  "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "exp", "expm1", "log", "log10", "log1p",
  "log2", "sin", "sinh", "tan", "tanh", "atan2",
] as const;

/** What JavaScript gives, where every device has to give the same. */
export const exact: Arithmetic = {
  "+": sum,
  "-": (a, b) => sum(a!, -b!),
  "*": (a, b) => checked(a! * b!),
  "/": (a, b) => quotient(a!, b!),
  "%": (a, b) => checked(a! % b!),
  "**": (a, b) => power(a!, b!),
  "|": (a, b) => checked(a! | b!),
  "&": (a, b) => checked(a! & b!),
  "^": (a, b) => checked(a! ^ b!),
  "<<": (a, b) => checked(a! << b!),
  ">>": (a, b) => checked(a! >> b!),
  ">>>": (a, b) => checked(a! >>> b!),
  "~": (a) => checked(~a!),
  sqrt: (a) => a === 0 || a === 1 || a === 4 ? Math.sqrt(a) : ends(Math.sqrt)(a!),
  pow: (a, b) => power(a!, b!),
  ...Object.fromEntries(rounding.map((name) => [name, Math[name]])),
  ...Object.fromEntries(elementary.map((name) => [name, ends(Math[name])])),
};

const numbers = [
  ...["0", "1", "3", "0.5", "(-2.25)", "7.75", "31", "0xff", "16777216", "16777215"],
  ...["8589934592", "(-1)", "Infinity", "(-Infinity)", "NaN", "(-0)"],
];

const comparisons = ["<", "<=", ">", ">=", "===", "!==", "==", "!="];
const assignments = ["=", "+=", "-=", "*=", "%=", "**=", "|=", "&=", "^=", "<<=", ">>=", ">>>="];

const leaf = (text: string, told = text): Piece => ({ text, told });

function called(name: string, ...args: readonly Piece[]): Piece {
  return {
    text: `Math.${name}(${args.map(({ text }) => text).join(", ")})`,
    told: `$.${name}(${args.map(({ told }) => told).join(", ")})`,
  };
}

function operated(operator: string, a: Piece, b: Piece): Piece {
  return {
    text: `(${a.text} ${operator} ${b.text})`,
    told: `$["${operator}"](${a.told}, ${b.told})`,
  };
}

/** A template with pieces in it. */
function joined(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Piece {
  const join = (part: "text" | "told"): string =>
    strings.reduce((all, string, i) => all + pieces[i - 1]![part] + string);
  return { text: join("text"), told: join("told") };
}

/** Expressions of numbers, and conditions, with these variables. */
function expressions(
  variables: readonly string[],
): { readonly number: fc.Arbitrary<Piece>; readonly condition: fc.Arbitrary<Piece> } {
  const own = fc.constantFrom(...variables.map((name) => leaf(name)), leaf("x[this.thread.x]"));
  const leaves = fc.oneof(
    { weight: 2, arbitrary: own },
    { weight: 1, arbitrary: fc.constantFrom(...numbers.map((text) => leaf(text))) },
    { weight: 1, arbitrary: fc.constantFrom(leaf("this.thread.x"), leaf("x.length")) },
  );
  return fc.letrec<{ number: Piece; condition: Piece }>((tie) => {
    const number = tie("number");
    const condition = tie("condition");
    const two = fc.tuple(number, number);
    const operator = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("+", "-", "*", "/") },
      { weight: 2, arbitrary: fc.constantFrom("%", "**", "|", "&", "^", "<<", ">>", ">>>") },
    );
    const binary = fc.tuple(operator, two).map(([sign, [a, b]]) => operated(sign, a, b));
    // One number twice, of which compilers could know what comes of it.
    const twice = fc.tuple(operator, number, own).map(([sign, a, b]) =>
      operated(sign, operated(sign, b, a), b)
    );
    const unary = number.map((a) => called("sqrt", a));
    return {
      number: fc.oneof(
        { maxDepth: 4, depthIdentifier: "kernel" },
        { weight: 4, arbitrary: leaves },
        { weight: 6, arbitrary: binary },
        { weight: 1, arbitrary: twice },
        { weight: 1, arbitrary: unary },
        { weight: 1, arbitrary: number.map((a) => joined`(- ${a})`) },
        {
          weight: 1,
          arbitrary: number.map((a) => ({ text: `(~${a.text})`, told: `$["~"](${a.told})` })),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(fc.constantFrom(...rounding), two).map(([name, [a, b]]) =>
            called(name, ...(name === "max" || name === "min" ? [a, b] : [a]))
          ),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(fc.constantFrom(...elementary, "pow"), two).map(([name, [a, b]]) =>
            called(name, ...(name === "atan2" || name === "pow" ? [a, b] : [a]))
          ),
        },
        {
          weight: 1,
          arbitrary: number.map((a) => ({ text: `x[${a.text}]`, told: `(x[${a.told}] ?? NaN)` })),
        },
        {
          weight: 2,
          arbitrary: fc.tuple(condition, two).map(([test, [a, b]]) =>
            joined`(${test} ? ${a} : ${b})`
          ),
        },
      ),
      condition: fc.oneof(
        { maxDepth: 4, depthIdentifier: "kernel" },
        {
          weight: 4,
          arbitrary: fc.tuple(fc.constantFrom(...comparisons), two).map(([sign, [a, b]]) =>
            joined`(${a} ${leaf(sign)} ${b})`
          ),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(fc.constantFrom(...comparisons), number, own).map(([sign, a, b]) =>
            joined`(${operated("+", b, a)} ${leaf(sign)} ${b})`
          ),
        },
        { weight: 1, arbitrary: number.map((a) => joined`isNaN(${a})`) },
        { weight: 1, arbitrary: number.map((a) => joined`Number.isFinite(${a})`) },
        { weight: 1, arbitrary: condition.map((a) => joined`!(${a})`) },
        {
          weight: 1,
          arbitrary: fc.tuple(condition, condition).map(([a, b]) =>
            joined`(${a} && !(${b}) || ${b})`
          ),
        },
      ),
    };
  });
}

const { number, condition } = expressions(["a", "b", "i"]);

/** Changes of b, with ways out of the loop around, or to its next turn. */
const statements: fc.Arbitrary<Piece> = fc.letrec<{ statement: Piece; block: Piece }>((tie) => {
  const statement = tie("statement");
  const block = tie("block");
  return {
    statement: fc.oneof(
      { maxDepth: 3, depthIdentifier: "statement" },
      {
        weight: 4,
        arbitrary: fc.tuple(fc.constantFrom(...assignments), number).map(([sign, value]) => ({
          text: `b ${sign} ${value.text};`,
          told: sign === "="
            ? `b = ${value.told};`
            : `b = $["${sign.slice(0, -1)}"](b, ${value.told});`,
        })),
      },
      { weight: 1, arbitrary: condition.map((test) => joined`if (${test}) continue;`) },
      { weight: 1, arbitrary: condition.map((test) => joined`if (${test}) { break }`) },
      { weight: 1, arbitrary: fc.constant({ text: "b++;", told: `b = $["+"](b, 1);` }) },
      {
        weight: 1,
        arbitrary: fc.tuple(condition, number).map(([test, value]) =>
          joined`if (${test}) return ${value};`
        ),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(condition, block, block).map(([test, one, other]) =>
          joined`if (${test}) ${one} else ${other}`
        ),
      },
      {
        weight: 1,
        arbitrary: block.map((body) => joined`for (let j = 0; j < 3; j++) ${body}`),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(block, condition).map(([body, test]) =>
          joined`{ let n = 0; do { n++; ${body} } while (n < 3 && ${test}); }`
        ),
      },
    ),
    block: fc.array(statement, { minLength: 1, maxLength: 3 }).map((all) => ({
      text: `{ ${all.map(({ text }) => text).join(" ")} }`,
      told: `{ ${all.map(({ told }) => told).join(" ")} }`,
    })),
  };
}).block;

const { number: first } = expressions([]);
const { number: second } = expressions(["a"]);

/** Functions with variables, loops and conditions. */
export const randomKernels: fc.Arbitrary<RandomKernel> = fc.tuple(
  first,
  second,
  statements,
  fc.integer({ min: 0, max: 4 }),
).map(([initial, next, body, turns]) => {
  const { text, told } = joined`const a = ${initial}; let b = ${next};
    for (let i = 0; i < ${leaf(String(turns))}; i++) ${body}
    if (b !== b) return a; return b;`;
  const f = Function("$", "x", told) as (
    this: unknown,
    arithmetic: Arithmetic,
    row: readonly number[],
  ) => number;
  return {
    text,
    compute: (arithmetic, row, x) => f.call({ thread: { x } }, arithmetic, row),
  };
});
