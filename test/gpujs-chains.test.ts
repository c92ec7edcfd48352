/** Random chains of operations on numbers of which something must come, be it NaN. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Statement } from "../src/backend/loop.ts";
import type { ElementwiseName } from "../src/graph/instruction-set.ts";
import { isSubnormal, modes, runProgramsOn, skipped } from "./support/gpujs.ts";
import { freshLoopProgram } from "./support/loop-program.ts";
import { apply, literal, load } from "./support/loop-statements.ts";
import { type Elements, elements } from "./support/run-kernel.ts";
import { access } from "./support/run-loop.ts";

const operations = {
  neg: (x: number) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  add: (x: number, y: number) => x + y,
  sub: (x: number, y: number) => x - y,
  mul: (x: number, y: number) => x * y,
  div: (x: number, y: number) => x / y,
  max: (x: number, y: number) => Math.max(x, y),
  min: (x: number, y: number) => Math.min(x, y),
} as const;
type Name = keyof typeof operations;
const names = Object.keys(operations) as Name[];

/** A literal, or an operation on what comes so many steps before. */
type Step = number | { readonly name: Name; readonly back: readonly number[] };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(1, -1, 2, 0.25, 0, 1e30, 2 ** 23, Infinity, NaN) },
  {
    weight: 8,
    arbitrary: fc.record({
      name: fc.constantFrom(...names, "add", "sub", "mul", "div"),
      // What was computed last is used often, so that chains are long.
      back: fc.array(fc.oneof(fc.constant(0), fc.nat(9)), { minLength: 2, maxLength: 2 }),
    }),
  },
);
const anyChain = fc.array(anyStep, { minLength: 3, maxLength: 9 });

const size = 300;
const awkward = [NaN, Infinity, -Infinity, 0, 1, 2, -3, 0.7, 1e30, 3e38, 1e-30, -1e20];
const inputs = [1, 2, 3].map((seed): Elements =>
  elements(
    "float32",
    [size],
    fc.sample(fc.constantFrom(...awkward), { numRuns: size, seed }).map(Math.fround),
  )
);

interface Chain {
  readonly statements: readonly Statement[];
  /** What comes at an element; undefined where that is left to devices. */
  readonly right: (at: number) => number | undefined;
}

function chainOf(steps: readonly Step[]): Chain {
  const statements: Statement[] = inputs.map((_, i) => load(i));
  const compute: ((values: readonly number[]) => number)[] = [];
  for (const step of steps) {
    if (typeof step === "number") {
      statements.push(literal(step));
      compute.push(() => Math.fround(step));
      continue;
    }
    const { name, back } = step;
    const f = operations[name] as (x: number, y: number) => number;
    const last = statements.length - 1;
    let args = back.slice(0, f.length).map((steps) => Math.max(last - steps, 0));
    // The compiler computes what comes of literals alone.
    if (args.every((arg) => statements[arg]!.kind === "literal")) args = args.map((_, i) => i);
    statements.push(apply(name as ElementwiseName, args));
    compute.push((values) => Math.fround(f(values[args[0]!]!, values[args[1]!]!)));
  }
  return {
    statements,
    right(at) {
      const values = inputs.map((each) => each.values[at]!);
      for (const next of compute) {
        const statement = statements[values.length]!;
        const divisor = statement.kind === "apply" && statement.op === "div"
          ? values[statement.args[1]!]
          : 1;
        values.push(next(values));
        // The sign of zero is not promised, nor that subnormals are kept.
        if (divisor === 0 || isSubnormal(values.at(-1)!)) return undefined;
      }
      return values.at(-1)!;
    },
  };
}

for (const mode of modes) {
  const options = { skip: await skipped(mode) };

  test(`gpujs ${mode}: chains of operations lose no NaN and no infinity`, options, async () => {
    const chains = fc.sample(anyChain, { numRuns: 100, seed: 1 })
      .filter((steps) => typeof steps.at(-1) !== "number").map(chainOf);
    const results = await runProgramsOn(
      mode,
      chains.map(({ statements }) => {
        const stored = { statement: statements.length - 1, access: access(inputs.length, [1]) };
        const loop = { extents: [size], reduced: 0, statements, stores: [stored] };
        return freshLoopProgram(loop, inputs, [{ dtype: "float32", size }]);
      }),
    );
    chains.forEach(({ right, statements }, i) => {
      assert.deepEqual(results[i]!.ways, ["gpu.js"]);
      results[i]!.values[0]!.forEach((value, at) => {
        const wanted = right(at);
        if (wanted === undefined || Object.is(value, wanted) || value === wanted) return;
        // Units of square roots and quotients, which differences may make larger.
        if (Math.abs(value - wanted) <= 1e-4 * Math.abs(wanted)) return;
        const operands = inputs.map((each) => each.values[at]);
        assert.fail(
          `${JSON.stringify(statements)} of ${operands} is ${value}; expected ${wanted}`,
        );
      });
    });
  });
}
