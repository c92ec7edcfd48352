import fc from "fast-check";
import {
  abs,
  add,
  broadcastTo,
  cast,
  clip,
  concat,
  div,
  equal,
  exp,
  flip,
  full,
  isNaN,
  less,
  max,
  maximum,
  minimum,
  mul,
  neg,
  oneHot,
  ones,
  reshape,
  sign,
  slice,
  sqrt,
  stopGradient,
  sub,
  sum,
  take,
  tanh,
  type Tensor,
  tensor,
  transpose,
  where,
  zeros,
} from "../../mod.ts";
import type { DType } from "../../src/core/dtype.ts";
import { broadcastShapes, type Shape } from "../../src/core/shape.ts";
import { anyElements } from "./kernel-arbitraries.ts";

/** A small program: each step applies an operation to earlier values. */
export interface RandomProgram {
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly steps: readonly Step[];
  /** Picks of values that are returned. */
  readonly outputs: readonly number[];
}

interface Step {
  readonly operation: number;
  readonly a: number;
  readonly b: number;
  readonly detail: number;
}

const numbers = [0, -0, 1, -1, 2, 0.5, NaN, Infinity];
const castTargets: readonly DType[] = ["float32", "float64", "int32", "bool", "bfloat16"];

/** A dtype that computes, of a tensor that may only store. */
const computing = (x: Tensor): Tensor => x.dtype === "bfloat16" ? cast(x, "float32") : x;

/** Both as they are where they broadcast, else the second one summed up. */
function fitting(a: Tensor, b: Tensor): [Tensor, Tensor] {
  try {
    broadcastShapes("", a.shape, b.shape);
    return [a, b];
  } catch {
    return [a, sum(b)];
  }
}

const number = (detail: number, x: Tensor): number =>
  x.dtype === "int32" || x.dtype === "bool" ? detail % 3 : numbers[detail % numbers.length]!;

type Operation = (a: Tensor, b: Tensor, detail: number) => Tensor;

const binary = (f: (a: Tensor, b: Tensor) => Tensor): Operation => (a, b) => f(...fitting(a, b));
const withNumber = (f: (a: Tensor, b: number) => Tensor): Operation => (a, _b, detail) =>
  f(a, number(detail, a));

const operations: readonly Operation[] = [
  (a) => neg(a),
  (a) => neg(neg(a)),
  (a) => abs(a),
  (a) => sign(a),
  (a) => exp(a),
  (a) => tanh(a),
  (a) => sqrt(a),
  (a) => stopGradient(a),
  binary(add),
  binary(sub),
  binary(mul),
  binary(div),
  binary(maximum),
  binary(minimum),
  binary((a, b) => where(less(a, b), a, b)),
  binary((a, b) => where(equal(a, b), b, a)),
  (a) => where(isNaN(a), 0, a),
  withNumber(add),
  withNumber((a, n) => add(n, a)),
  withNumber(sub),
  withNumber(mul),
  withNumber(div),
  withNumber((a, n) => clip(a, Math.min(n, 0) || 0, 3)),
  (a, _b, detail) => add(a, zeros(a.shape, { dtype: detail % 2 ? "int32" : "float32" })),
  (a) => mul(a, ones(a.shape)),
  (_a, _b, detail) => full([2, 3], numbers[detail % numbers.length]!),
  (_a, _b, detail) => mul(tensor(numbers[detail % numbers.length]!), 3),
  (a, _b, detail) => cast(a, castTargets[detail % castTargets.length]!),
  (a, _b, detail) => a.rank === 0 ? a : sum(a, { axis: detail % a.rank, keepDims: detail > 8 }),
  (a, _b, detail) => a.rank === 0 || a.shape.includes(0) ? a : max(a, { axis: detail % a.rank }),
  (a) => reshape(a, [a.size]),
  (a) => reshape(a, [...a.shape, 1]),
  (a) => transpose(a),
  (a, _b, detail) => a.rank === 0 ? a : flip(a, detail % a.rank),
  (a) => a.rank === 0 ? a : slice(a, [Math.min(1, a.shape[0]!)]),
  (a) => a.rank === 0 || a.size > 32 ? a : concat([a, a]),
  (a) => a.size > 32 ? a : broadcastTo(a, [2, ...a.shape]),
  (a) => a.rank === 0 ? a : take(a, tensor([0, 5], { dtype: "int32" })),
  (a) => oneHot(cast(a, "int32"), 2),
];

/** Runs a program; what it does depends on the shapes and dtypes of the inputs, never on their values. */
export function runProgram({ steps, outputs }: RandomProgram, inputs: readonly Tensor[]): Tensor[] {
  const values = inputs.map(computing);
  for (const { operation, a, b, detail } of steps) {
    const [x, y] = [values[a % values.length]!, values[b % values.length]!];
    if (x.size <= 64) {
      values.push(computing(operations[operation % operations.length]!(x, y, detail)));
    }
  }
  // Counted from the end, where most of the program is alive.
  return outputs.map((pick) => values.at(-1 - pick % values.length)!);
}

const shapes: readonly Shape[] = [[], [1], [3], [2, 3], [2, 1], [1, 3], [0, 3], [4]];

/** Small programs with inputs of awkward values. */
export const randomPrograms: fc.Arbitrary<{ program: RandomProgram; inputs: Tensor[] }> = fc.record(
  {
    specs: fc.array(
      fc.record({
        shape: fc.constantFrom(...shapes),
        dtype: fc.constantFrom<DType>("float32", "float32", "float64", "int32", "bool"),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    steps: fc.array(
      fc.record({
        operation: fc.nat({ max: operations.length - 1 }),
        a: fc.nat({ max: 20 }),
        b: fc.nat({ max: 20 }),
        detail: fc.nat({ max: 16 }),
      }),
      { minLength: 1, maxLength: 14 },
    ),
    outputs: fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 3 }),
  },
).chain(({ specs, steps, outputs }) =>
  fc.tuple(...specs.map(({ shape, dtype }) => anyElements(dtype, shape))).map((drawn) => ({
    program: { inputs: specs, steps, outputs },
    inputs: drawn.map(({ shape, dtype, values }) => tensor(values, { shape, dtype })),
  }))
);
