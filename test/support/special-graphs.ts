/** Small random graphs of exact operations, on numbers with which compilers that think of real numbers go wrong. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Statement } from "../../src/backend/loop.ts";
import type { ElementwiseName } from "../../src/graph/instruction-set.ts";
import type { ProgramCase } from "./gpu-backend.ts";
import { isSubnormal } from "./gpujs.ts";
import { freshLoopProgram } from "./loop-program.ts";
import { apply, literal, load } from "./loop-statements.ts";
import { elements } from "./run-kernel.ts";
import { access } from "./run-loop.ts";

type Kind = "float32" | "bool";

interface Operation {
  readonly takes: readonly Kind[];
  readonly gives: Kind;
  readonly compute: (...args: number[]) => number;
}

const float = { takes: ["float32"], gives: "float32" } as const;
const floats = { takes: ["float32", "float32"], gives: "float32" } as const;
const comparison = { takes: ["float32", "float32"], gives: "bool" } as const;
const logical = { takes: ["bool", "bool"], gives: "bool" } as const;

const operations: Readonly<Record<string, Operation>> = {
  neg: { ...float, compute: (x) => -x },
  abs: { ...float, compute: Math.abs },
  sign: { ...float, compute: Math.sign },
  floor: { ...float, compute: Math.floor },
  ceil: { ...float, compute: Math.ceil },
  add: { ...floats, compute: (x, y) => x! + y! },
  sub: { ...floats, compute: (x, y) => x! - y! },
  mul: { ...floats, compute: (x, y) => x! * y! },
  max: { ...floats, compute: Math.max },
  min: { ...floats, compute: Math.min },
  equal: { ...comparison, compute: (x, y) => Number(x === y) },
  less: { ...comparison, compute: (x, y) => Number(x! < y!) },
  lessEqual: { ...comparison, compute: (x, y) => Number(x! <= y!) },
  isFinite: { takes: ["float32"], gives: "bool", compute: (x) => Number(Number.isFinite(x)) },
  toBool: { takes: ["float32"], gives: "bool", compute: (x) => Number(x !== 0) },
  toFloat: { takes: ["bool"], gives: "float32", compute: (x) => x! },
  not: { takes: ["bool"], gives: "bool", compute: (x) => 1 - x! },
  and: { ...logical, compute: (x, y) => x! & y! },
  or: { ...logical, compute: (x, y) => x! | y! },
  xor: { ...logical, compute: (x, y) => x! ^ y! },
  select: {
    takes: ["bool", "float32", "float32"],
    gives: "float32",
    compute: (c, x, y) => c === 0 ? y! : x!,
  },
};

/** A graph: "x", "y", a number, or an operation on graphs. */
export type Expression = "x" | "y" | number | readonly [string, ...Expression[]];

const specials = [
  ...[0, 1, 2, 3, 0.5, 0.7, 1e8, 1e30, 3e38, 1e-30, Infinity, 7e19, 1e-20].flatMap((x) => [x, -x]),
  NaN,
].map(Math.fround);
const numbers = specials.filter((x) => !Number.isNaN(x));

/** Every one with every other. */
const size = specials.length ** 2;
const inputs = {
  x: specials.flatMap((x) => specials.map(() => x)),
  y: specials.flatMap(() => specials),
};

/** Random graphs in which the same operands come up again and again. */
export const specialGraphs: fc.Arbitrary<Expression> = fc.tuple(
  fc.constantFrom(...numbers),
  fc.constantFrom<Kind>("float32", "float32", "bool"),
  fc.infiniteStream(fc.nat()),
).map(([number, kind, stream]) => {
  const below = (count: number): number => Number(stream.next().value) % count;
  const grow = (wanted: Kind, depth: number): Expression => {
    if (wanted === "float32" && (depth === 0 || below(4) === 0)) {
      return below(3) === 0 ? number : below(2) === 0 ? "x" : "y";
    }
    const names = Object.keys(operations);
    const possible = names.filter((name) => {
      const { takes, gives } = operations[name]!;
      return gives === wanted && (depth > 1 || !takes.includes("bool"));
    });
    const name = possible[below(possible.length)]!;
    const [first, ...rest] = operations[name]!.takes.map((each) =>
      grow(each, Math.max(depth - 1, 0))
    );
    // The compiler computes what comes of numbers alone.
    const isKnown = [first, ...rest].every((arg) => typeof arg === "number");
    return [name, isKnown ? "x" : first!, ...rest];
  };
  return grow(kind, 4);
}).filter((graph) => typeof graph === "object");

function kindOf(graph: Expression): Kind {
  return typeof graph === "object" ? operations[graph[0]]!.gives : "float32";
}

/** A program that computes a graph for all pairs of special numbers, in one kernel. */
export function specialProgram(graph: Expression): ProgramCase {
  const statements: Statement[] = [load(0), load(1)];
  const add = (each: Expression): number => {
    if (each === "x" || each === "y") return each === "x" ? 0 : 1;
    if (typeof each === "number") return statements.push(literal(each)) - 1;
    const [name, ...operands] = each;
    const args = operands.map(add);
    const op = name === "toBool" || name === "toFloat" ? "cast" : name as ElementwiseName;
    return statements.push(apply(op, args, kindOf(each))) - 1;
  };
  const statement = add(graph);
  const dtype = kindOf(graph);
  const stores = [{ statement, access: access(2, [1], 0, dtype) }];
  return freshLoopProgram(
    { extents: [size], reduced: 0, statements, stores },
    [elements("float32", [size], inputs.x), elements("float32", [size], inputs.y)],
    [{ dtype, size }],
  );
}

/** What comes at an element, and whether it was rounded as a product; undefined where it is left to devices. */
function valueOf(
  graph: Expression,
  at: number,
): { readonly value: number; readonly isRounded: boolean } | undefined {
  if (typeof graph !== "object") {
    return {
      value: typeof graph === "number" ? Math.fround(graph) : inputs[graph][at]!,
      isRounded: false,
    };
  }
  const [name, ...operands] = graph;
  const args = operands.map((each) => valueOf(each, at));
  if (!args.every((each) => each !== undefined)) return undefined;
  // A device may round the sum of a product and something else once.
  if ((name === "add" || name === "sub") && args.some(({ isRounded }) => isRounded)) {
    return undefined;
  }
  const exact = operations[name]!.compute(...args.map(({ value }) => value));
  const value = Math.fround(exact);
  // It may also take subnormal numbers for zeros.
  if (isSubnormal(value) || isSubnormal(exact)) return undefined;
  const passes = name === "neg" || name === "abs" || name === "select";
  const isRounded = name === "mul" ? value !== exact : passes && args.some((arg) => arg.isRounded);
  return { value, isRounded };
}

/** That these are the values of a graph; the sign of zero is not promised. */
export function assertSpecial(graph: Expression, actual: readonly number[]): void {
  assert.equal(actual.length, size);
  actual.forEach((value, at) => {
    const wanted = valueOf(graph, at)?.value;
    if (wanted === undefined || value === wanted || Object.is(value, wanted)) return;
    const [x, y] = [inputs.x[at], inputs.y[at]];
    assert.fail(`${textOf(graph)} is ${value} for x = ${x}, y = ${y}; expected ${wanted}`);
  });
}

function textOf(graph: Expression): string {
  if (typeof graph !== "object") return String(graph);
  const [name, ...operands] = graph;
  return `${name}(${operands.map(textOf).join(", ")})`;
}

const terms: Expression[] = ["x", "y", 1e8, 3];

/** A sum compared with what is in it, which is no comparison of its other term with 0: sums round. */
export const comparedSums: readonly Expression[] = terms.flatMap((a) =>
  terms.filter((b) => typeof a !== "number" || typeof b !== "number").flatMap((b) =>
    (["add", "sub"] as const).flatMap((op): Expression[] => {
      const sum: Expression = [op, a, b];
      const compared = ([a, b] as const).flatMap((each) =>
        (["equal", "less", "lessEqual"] as const).flatMap((name): Expression[] => [
          [name, sum, each],
          [name, each, sum],
        ])
      );
      return [...compared, ["equal", ["neg", sum], a], ["toBool", sum]];
    })
  )
);

const bounds: Expression[] = ["y", 0, 1, -1, 1e30, Infinity];

/** Choices by a comparison of what is chosen from, which are no minimum and no maximum: NaN compares with nothing. */
export const choices: readonly Expression[] = bounds.flatMap((bound) => [
  ...(["max", "min"] as const).flatMap((name): Expression[] => [
    [name, "x", bound],
    [name, bound, "x"],
    ["max", ["min", "x", bound], -2],
    ["sub", [name, "x", bound], [name, bound, "x"]],
  ]),
  ...(["less", "lessEqual"] as const).flatMap((name): Expression[] => [
    ["select", [name, "x", bound], "x", bound],
    ["select", [name, "x", bound], bound, "x"],
    ["select", [name, bound, "x"], "x", bound],
    ["select", [name, bound, "x"], bound, "x"],
    ["select", ["not", [name, "x", bound]], "x", bound],
    ["and", [name, "x", bound], [name, "x", ["neg", "y"]]],
  ]),
  ["sub", "x", ["select", ["less", "x", bound], "x", "x"]],
]);

/** Products that overflow or not, as their factors are taken together; sums of what would cancel. */
export const regrouped: readonly Expression[] = [1e-30, 1e30, 3, 0.7].flatMap((c): Expression[] => [
  ["mul", ["mul", "x", "y"], c],
  ["mul", c, ["mul", "x", "x"]],
  ["mul", ["mul", "x", c], "y"],
  ["mul", ["mul", ["neg", "x"], "y"], c],
  ["mul", ["mul", c, "x"], 1e-20],
  ["mul", "x", ["mul", "x", ["mul", "y", "y"]]],
  ["mul", ["mul", ["mul", "x", "y"], c], "y"],
  ["sub", ["add", c, ["add", "x", "y"]], c],
  ["add", c, ["sub", ["sub", "x", "y"], c]],
  ["sub", c, ["add", "x", c]],
]);
