import fc from "fast-check";
import "../../mod.ts";
import type { DType } from "../../src/core/dtype.ts";
import { broadcastShapes, type Shape, sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import type { Graph, Instruction, Operand, Value } from "../../src/graph/graph.ts";
import { createGraph } from "../../src/graph/print.ts";
import { primitiveOf } from "../../src/tracing/primitive.ts";
import { anyElements } from "./kernel-arbitraries.ts";
import type { Elements } from "./run-kernel.ts";

/** Small numbers that decide on one instruction each. */
interface Choice {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly detail: number;
}

/** A graph with inputs of awkward values. */
export interface GraphCase {
  readonly graph: Graph;
  readonly inputs: readonly Elements[];
  readonly donated: ReadonlySet<number>;
}

/** Appends instructions to a list, in the dtypes and shapes that they take. */
class Builder {
  readonly instructions: Instruction[] = [];
  readonly values: Value[];

  constructor(inputs: readonly Value[]) {
    this.values = [...inputs];
  }

  make(op: Instruction["op"], params: object, ...operands: Operand[]): Value {
    const spec = primitiveOf(op).infer(params as never, ...operands.map((operand) => operand.spec));
    const output = { id: this.values.length, spec };
    this.instructions.push({ op, params: params as Instruction["params"], operands, output });
    this.values.push(output);
    return output;
  }

  as(value: Value, dtype: DType): Value {
    return value.spec.dtype === dtype ? value : this.make("cast", { dtype }, value);
  }

  /** Something of the same dtype that broadcasts with a value: another value, a part of it, or a number. */
  partner(value: Value, other: Value, detail: number): Operand {
    const { dtype, shape } = value.spec;
    try {
      const fit = this.as(other, dtype);
      if (sizeOf(broadcastShapes("test", shape, fit.spec.shape)) <= 200) return fit;
    } catch {
      // Another choice.
    }
    if (detail % 3 === 0) return value;
    if (detail % 3 === 1) {
      return this.as(this.make("reduceSum", { axes: [] }, this.number(value)), dtype);
    }
    return { literal: dtype === "bool" ? 1 : detail % 5, spec: { shape: [], dtype } };
  }

  /** A value in a dtype that can be added up. */
  number(value: Value): Value {
    const { dtype } = value.spec;
    return dtype === "bool" || dtype === "bfloat16" ? this.as(value, "float32") : value;
  }

  real(value: Value): Value {
    return value.spec.dtype === "float64" ? value : this.as(value, "float32");
  }
}

type Maker = (builder: Builder, a: Value, b: Value, detail: number) => Value;

const subset = (count: number, bits: number): number[] =>
  Array.from({ length: count }, (_, axis) => axis).filter((axis) => (bits >> axis) % 2 === 1);

/** Ways to write a size as a shape. */
function shapesOfSize(size: number): Shape[] {
  const shapes: Shape[] = [[size], [1, size], [size, 1]];
  for (const inner of [2, 3, 4, 6]) {
    if (size % inner === 0) shapes.push([size / inner, inner], [inner, size / inner]);
    if (size % (2 * inner) === 0) shapes.push([2, size / (2 * inner), inner]);
  }
  return shapes;
}

function permutations(rank: number): number[][] {
  if (rank === 0) return [[]];
  return permutations(rank - 1).flatMap((rest) =>
    Array.from({ length: rank }, (_, at) => [...rest.slice(0, at), rank - 1, ...rest.slice(at)])
  );
}

const pick = <Item>(list: readonly Item[], detail: number): Item => list[detail % list.length]!;

const real = (op: Instruction["op"]): Maker => (builder, a) =>
  builder.make(op, {}, builder.real(a));
const arithmetic = (op: Instruction["op"]): Maker => (builder, a, b, detail) => {
  const left = builder.number(a);
  const right = builder.partner(left, b, detail);
  return detail % 2 ? builder.make(op, {}, left, right) : builder.make(op, {}, right, left);
};
const reduction = (op: Instruction["op"]): Maker => (builder, a, _b, detail) =>
  builder.make(op, { axes: subset(a.spec.shape.length, detail + 1) }, builder.number(a));

const floats = (op: Instruction["op"]): Maker => (builder, a, b, detail) => {
  const left = builder.real(a);
  return builder.make(op, {}, left, builder.partner(left, b, detail));
};

/** A value, or a function of it, and what its rows are reduced to. */
const againstRows: Maker = (builder, a, b, detail) => {
  const x = builder.real(a);
  const { shape } = x.spec;
  const axis = shape.length - 1;
  const op = pick(["reduceSum", "reduceMax", "reduceMin"] as const, detail);
  const reduced = builder.make(op, { axes: [axis] }, x);
  const axes = shape.map((_, at) => at).slice(0, -1);
  const spread = builder.make("broadcast", { shape, axes }, reduced);
  const y = detail % 2
    ? builder.make(pick(["exp", "neg", "tanh"] as const, detail >> 1), {}, x)
    : x;
  const result = builder.make(pick(["sub", "div", "mul"] as const, detail >> 2), {}, y, spread);
  // Beside another value of the same shape, where there is one.
  return detail % 5 === 0 ? builder.make("add", {}, result, builder.partner(result, b, 2)) : result;
};

// Movement and cheap operations stand several times, to be drawn more often.
const makers: readonly Maker[] = [
  real("exp"),
  real("tanh"),
  real("logistic"),
  real("sqrt"),
  real("isFinite"),
  real("cbrt"),
  real("rcbrt"),
  (builder, a) => builder.make("neg", {}, builder.real(a)),
  (builder, a) => builder.make("not", {}, builder.as(a, "bool")),
  (builder, a) => builder.make("stopGradient", {}, a),
  (builder, a, _b, detail) =>
    builder.as(a, pick(["float32", "float64", "int32", "uint32", "bool", "bfloat16"], detail)),
  (builder, a, _b, detail) =>
    builder.make("bitcast", { dtype: detail % 2 ? "uint32" : "int32" }, builder.as(a, "int32")),
  arithmetic("add"),
  arithmetic("add"),
  arithmetic("sub"),
  arithmetic("mul"),
  arithmetic("max"),
  arithmetic("min"),
  arithmetic("rem"),
  floats("div"),
  floats("pow"),
  arithmetic("less"),
  arithmetic("equal"),
  (builder, a, b, detail) => {
    const left = builder.number(a);
    const right = builder.partner(left, b, detail);
    return builder.make("select", {}, builder.make("lessEqual", {}, left, right), right, left);
  },
  (builder, a, b, detail) => {
    const condition = builder.as(b, "bool");
    try {
      return builder.make("select", {}, condition, a, a);
    } catch {
      return builder.make(
        "select",
        {},
        { literal: detail % 2, spec: { shape: [], dtype: "bool" } },
        a,
        a,
      );
    }
  },
  (builder, a, b, detail) => {
    const left = builder.as(a, "uint32");
    return builder.make(
      detail % 2 ? "shiftLeft" : "xor",
      {},
      left,
      builder.partner(left, b, detail),
    );
  },
  reduction("reduceSum"),
  reduction("reduceSum"),
  reduction("reduceMax"),
  reduction("reduceMin"),
  againstRows,
  againstRows,
  (builder, a, _b, detail) =>
    builder.make("reshape", { shape: pick(shapesOfSize(sizeOf(a.spec.shape)), detail) }, a),
  (builder, a, _b, detail) =>
    builder.make("reshape", { shape: pick(shapesOfSize(sizeOf(a.spec.shape)), detail) }, a),
  (builder, a, _b, detail) => {
    const permutation = pick(permutations(Math.min(4, a.spec.shape.length)), detail);
    return builder.make("transpose", { permutation }, a);
  },
  (builder, a) => {
    const permutation = a.spec.shape.map((_, axis) => a.spec.shape.length - 1 - axis);
    return builder.make("transpose", { permutation }, a);
  },
  (builder, a, _b, detail) => {
    const { shape } = a.spec;
    const at = detail % (shape.length + 1);
    const wide = shape.map((extent) => extent === 1 && detail % 3 === 0 ? 2 : extent);
    return builder.make("broadcast", {
      shape: [...wide.slice(0, at), 2 + detail % 2, ...wide.slice(at)],
      axes: shape.map((_, axis) => axis < at ? axis : axis + 1),
    }, a);
  },
  (builder, a, _b, detail) => {
    const { shape } = a.spec;
    return builder.make("slice", {
      start: shape.map((extent, axis) => Math.min(extent, (detail >> axis) % 2)),
      limit: shape.map((extent, axis) =>
        Math.max(Math.min(extent, 1), extent - (detail >> axis) % 3)
      ),
      stride: shape.map((_, axis) => 1 + (detail >> (axis + 1)) % 2),
    }, a);
  },
  (builder, a, _b, detail) =>
    builder.make("flip", { axes: subset(a.spec.shape.length, detail + 1) }, a),
  (builder, _a, b, detail) => builder.make("full", { ...b.spec, value: detail % 2 }),
  (builder, a, _b, detail) => {
    const { shape } = a.spec;
    const dtype = pick<DType>(["int32", "float32", "uint32", "bool", "float64"], detail);
    return shape.length === 0
      ? a
      : builder.make("iota", { shape, dtype, axis: detail % shape.length });
  },
  (builder, a, _b, detail) =>
    a.spec.shape.length === 0 ? a : builder.make(
      "cumSum",
      { axis: detail % a.spec.shape.length, reverse: detail % 2 === 1 },
      builder.number(a),
    ),
  (builder, a, _b, detail) =>
    a.spec.shape.length === 0
      ? a
      : builder.make("concat", { axis: detail % a.spec.shape.length }, a, a),
  (builder, a, _b, detail) => {
    // Parts of a value padded back to its shape, and added up: apart, or with some in common.
    const { shape } = a.spec;
    const axis = detail % shape.length;
    const from = builder.number(a);
    const part = (start: number, limit: number) => {
      const piece = builder.make("slice", {
        start: shape.map((_, i) => i === axis ? start : 0),
        limit: shape.map((extent, i) => i === axis ? limit : extent),
        stride: shape.map(() => 1),
      }, from);
      return builder.make("pad", {
        low: shape.map((_, i) => i === axis ? start : 0),
        high: shape.map((extent, i) => i === axis ? extent - limit : 0),
        inner: shape.map(() => 0),
      }, piece);
    };
    const extent = shape[axis]!;
    const cut = (detail >> 1) % (extent + 1);
    const overlap = detail % 5 === 0 ? 1 : 0;
    const sum = builder.make("add", {}, part(cut, extent - detail % 2), part(0, cut - overlap));
    return builder.make("add", {}, sum, part(extent - detail % 2, extent));
  },
  (builder, a, b, detail) => {
    // A product of parts of matrices, read and written transposed as it comes.
    const turn = (x: Value, bits: number): Value => {
      const permutation = pick(permutations(x.spec.shape.length), bits);
      return builder.make("transpose", { permutation }, x);
    };
    const left = turn(builder.real(a), detail);
    const right = turn(builder.as(b, left.spec.dtype), detail >> 1);
    const [m, n] = [left.spec.shape.length, right.spec.shape.length];
    const contract = m > 0 && n > 0 ? [[detail % m, (detail >> 2) % n]] : [];
    const batch = detail % 3 === 0 && m > 1 && n > 1
      ? [[(detail + 1) % m, ((detail >> 2) + 1) % n]]
      : [];
    return turn(builder.make("dot", { contract, batch }, left, right), detail >> 3);
  },
  (builder, a, _b, detail) => {
    const rank = a.spec.shape.length;
    const left = builder.real(a);
    const axes = subset(rank, detail);
    const batch = axes.map((axis) => [axis, axis]);
    const contract = rank > axes.length && detail % 2
      ? []
      : subset(rank, ~detail).map((axis) => [axis, axis]);
    return builder.make("dot", { contract, batch }, left, left);
  },
];

function build(
  specs: readonly TensorSpec[],
  choices: readonly Choice[],
  outputs: readonly number[],
): Graph {
  const inputs = specs.map((spec, id): Value => ({ id, spec }));
  const builder = new Builder(inputs);
  for (const { kind, a, b, detail } of choices) {
    // Counted from the end, so that chains come about.
    const last = builder.values.length - 1;
    const [left, right] = [
      builder.values[last - a % (last + 1)]!,
      builder.values[last - b % (last + 1)]!,
    ];
    if (sizeOf(left.spec.shape) > 100 || left.spec.shape.length > 4) continue;
    try {
      pick(makers, kind)(builder, left, right, detail);
    } catch {
      // A choice that fits no shape here is left out.
    }
  }
  const { values, instructions } = builder;
  // What nothing reads is returned, or most of the graph would be dead.
  const read = new Set(instructions.flatMap(({ operands }) => operands));
  const ends = values.filter((value) => !read.has(value)).slice(-6);
  return createGraph({
    inputs,
    constants: [],
    instructions,
    outputs: [
      ...outputs.map((back): Operand =>
        back === 9
          ? { literal: 3, spec: { shape: [], dtype: "float32" } }
          : values[values.length - 1 - back % values.length]!
      ),
      ...ends,
    ],
  });
}

// deno-fmt-ignore
const shapes: readonly Shape[] = [
  [], [1], [3], [5], [6], [2, 3], [3, 2], [2, 1], [1, 3], [4, 6], [24], [2, 3, 4], [0, 3], [2, 0], [1, 6, 1], [3, 4, 2],
];

/** So many rows that loops may sweep over each of them several times. */
export const rowShapes: readonly Shape[] = [[17, 3], [4, 5, 2], [20, 4], [20], [3], [5, 2]];

/** Random graphs of what loops are made of, and of what they are not. */
export function graphCases(
  longest = 24,
  inputShapes: readonly Shape[] = shapes,
): fc.Arbitrary<GraphCase> {
  return fc.record({
    specs: fc.array(
      fc.record({
        shape: fc.constantFrom(...inputShapes),
        dtype: fc.constantFrom<DType>(
          "float32",
          "float32",
          "float32",
          "float64",
          "int32",
          "bool",
          "bfloat16",
        ),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    choices: fc.array(
      fc.record({
        kind: fc.nat({ max: makers.length - 1 }),
        a: fc.nat({ max: 6 }),
        b: fc.nat({ max: 12 }),
        detail: fc.nat({ max: 40 }),
      }),
      { minLength: 1, maxLength: longest },
    ),
    outputs: fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 4 }),
    donated: fc.nat({ max: 15 }),
  }).chain(({ specs, choices, outputs, donated }) =>
    fc.tuple(...specs.map(({ shape, dtype }) => anyElements(dtype, shape))).map((inputs) => ({
      graph: build(specs, choices, outputs),
      inputs,
      donated: new Set(subset(specs.length, donated)),
    }))
  );
}
