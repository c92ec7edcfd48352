import fc from "fast-check";
import ts from "typescript";
import { readFileSync } from "node:fs";
import type { Tensor } from "../../mod.ts";
import type { DType } from "../../src/core/dtype.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../../src/graph/instruction-set.ts";
import { root } from "./files.ts";
import { anyShape, broadcastingShapes } from "./kernel-arbitraries.ts";
import { rememberText } from "./remember-text.ts";
import { generated, generator } from "./tensors.ts";

/** How the elements of an operand are drawn. */
interface Range {
  readonly dtype: DType;
  draw(next: () => number, element: number, size: number): number;
}

/** An operand of an application of a primitive. */
export interface OperandCase {
  readonly shape: Shape;
  readonly range: Range;
}

/** One application of a primitive, but for the elements. */
export interface Application<Name extends PrimitiveName = PrimitiveName> {
  readonly params: PrimitiveParams[Name];
  readonly operands: readonly OperandCase[];
}

/** Applications of a primitive, and what its derivative is like. */
export interface PrimitiveCase<Name extends PrimitiveName = PrimitiveName> {
  /**
   * "smooth" and "kinked" (no second derivative to be checked) by differences; "zero": the rule says so,
   * whatever the differences are; "none": there is no floating operand or no floating result.
   */
  readonly derivative: "smooth" | "kinked" | "zero" | "none";
  readonly applications: fc.Arbitrary<Application<Name>>;
}

/** The elements of an operand, from a seed. */
export function drawOperand({ shape, range }: OperandCase, seed: number): Tensor {
  const next = generator(seed);
  const size = sizeOf(shape);
  let element = 0;
  return generated(shape, range.dtype, () => range.draw(next, element++, size));
}

/** The names that the instruction set lists, read from its source so that none can be forgotten. */
export function namesOfInstructionSet(): string[] {
  const path = root + "src/graph/instruction-set.ts";
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const list = file.statements.find((statement): statement is ts.InterfaceDeclaration =>
    ts.isInterfaceDeclaration(statement) && statement.name.text === "PrimitiveParams"
  );
  return list!.members.map((member) => (member.name as ts.Identifier).text);
}

// --- Elements ---

const between = (low: number, high: number, dtype: DType = "float64"): Range => ({
  dtype,
  draw: (next) => low + (high - low) * next(),
});

/** Of either sign, but not near 0. */
const awayFromZero = (low: number, high: number): Range => ({
  dtype: "float64",
  draw: (next) => (next() < 0.5 ? -1 : 1) * (low + (high - low) * next()),
});

/** Near no whole number and no half. */
const betweenSteps: Range = {
  dtype: "float64",
  draw: (next) => Math.floor(next() * 6) - 3 + (next() < 0.5 ? 0.1 : 0.6) + 0.3 * next(),
};

/** Multiples of 1/8 and an offset: with different offsets no two elements are near each other. */
const lattice = (offset: number): Range => ({
  dtype: "float64",
  draw: (next) => (Math.floor(next() * 32) - 16) / 8 + offset,
});

/** No two elements of one tensor are equal. */
const distinct: Range = {
  dtype: "float64",
  // Multiples of 7919 repeat no remainder by the prime 10007 before the 10007th.
  draw: (_next, element) => ((element * 7919 + 13) % 10007) / 1000,
};

const whole = (dtype: DType, low: number, high: number): Range => ({
  dtype,
  draw: (next) => low + Math.floor(next() * (high - low + 1)),
});

const int32 = whole("int32", -9, 9);
const word = whole("uint32", 0, 0xffffffff);
const bool = whole("bool", 0, 1);

// --- Applications ---

const unary = (range: Range): fc.Arbitrary<Application> =>
  anyShape().map((shape) => ({ params: {}, operands: [{ shape, range }] }) as Application);

const broadcasting = (...ranges: Range[]): fc.Arbitrary<Application> =>
  broadcastingShapes(ranges.length).map((shapes) =>
    ({
      params: {},
      operands: ranges.map((range, i) => ({ shape: shapes[i]!, range })),
    }) as Application
  );

const withShape = <Name extends PrimitiveName>(
  shapes: fc.Arbitrary<number[]>,
  range: Range,
  paramsOf: (shape: number[]) => fc.Arbitrary<PrimitiveParams[Name]>,
): fc.Arbitrary<Application<Name>> =>
  shapes.chain((shape) =>
    paramsOf(shape).map((params) => ({ params, operands: [{ shape, range }] }))
  );

const permutationOf = (rank: number): fc.Arbitrary<number[]> => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return fc.shuffledSubarray(axes, { minLength: rank, maxLength: rank });
};

const someAxes = (shape: number[]): fc.Arbitrary<number[]> =>
  fc.subarray(shape.map((_, axis) => axis));

const perAxis = (shape: number[], least: number, most: number): fc.Arbitrary<number[]> =>
  fc.tuple(...shape.map(() => fc.integer({ min: least, max: most })));

const noParams = {} as never;
const reals = between(-1.5, 1.5);
const positive = between(0.3, 2.5);

const smooth = (applications: fc.Arbitrary<Application>) =>
  ({ derivative: "smooth", applications }) as never;
const kinked = (applications: fc.Arbitrary<Application>) =>
  ({ derivative: "kinked", applications }) as never;
const zero = (applications: fc.Arbitrary<Application>) =>
  ({ derivative: "zero", applications }) as never;
const none = (applications: fc.Arbitrary<Application>) =>
  ({ derivative: "none", applications }) as never;

const nonEmpty = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
const withAnAxis = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

const reduced = (range: Range, shapes: fc.Arbitrary<number[]>) =>
  withShape<"reduceSum">(shapes, range, (shape) => someAxes(shape).map((axes) => ({ axes })));

/** x and indices into an axis; `outside` of them may be out of range. */
const gathered = (range: Range, outside: boolean): fc.Arbitrary<Application<"gather">> =>
  fc.tuple(
    withAnAxis,
    fc.nat({ max: 3 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
  )
    .map(([shape, at, indices]) => {
      const axis = at % shape.length;
      const extent = shape[axis]!;
      const positions = outside ? whole("int32", -1, extent) : whole("int32", 0, extent - 1);
      return {
        params: { axis },
        operands: [{ shape, range }, { shape: indices, range: positions }],
      };
    });

const scattered = (range: Range): fc.Arbitrary<Application<"scatterAdd">> =>
  fc.tuple(
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
    fc.integer({ min: 0, max: 4 }),
  ).map(([before, indices, after, extent]) => ({
    params: { axis: before.length, extent },
    operands: [
      { shape: [...before, ...indices, ...after], range },
      { shape: indices, range: whole("int32", -1, extent) },
    ],
  }));

const joined = (range: Range): fc.Arbitrary<Application<"concat">> =>
  fc.tuple(
    withAnAxis,
    fc.nat({ max: 3 }),
    fc.array(fc.integer({ min: 0, max: 3 }), {
      minLength: 1,
      maxLength: 3,
    }),
  ).map(([shape, at, extents]) => {
    const axis = at % shape.length;
    const operands = extents.map((extent) => ({ shape: shape.with(axis, extent), range }));
    return { params: { axis }, operands };
  });

/** Batch, contracted and free axes of any number and in any order. */
const contracted = (range: Range): fc.Arbitrary<Application<"dot">> =>
  fc.record({
    batch: fc.constantFrom<string[][]>([], [], ["b"], ["b", "c"]),
    contract: fc.constantFrom<string[][]>([], ["x"], ["x"], ["x", "y"], ["x", "y", "z"]),
    left: fc.constantFrom<string[][]>([], ["m"], ["m", "n"]),
    right: fc.constantFrom<string[][]>([], ["p"], ["p", "q"]),
    extents: fc.array(
      fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, {
        weight: 15,
        arbitrary: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 9, maxLength: 9 },
    ),
  }).chain(({ batch, contract, left, right, extents }) => {
    const all = ["b", "c", "x", "y", "z", "m", "n", "p", "q"];
    const shuffled = (labels: string[]) =>
      fc.shuffledSubarray(labels, { minLength: labels.length, maxLength: labels.length });
    const shapeOf = (labels: string[]) => labels.map((label) => extents[all.indexOf(label)]!);
    return fc.tuple(
      shuffled([...batch, ...contract, ...left]),
      shuffled([...batch, ...contract, ...right]),
      shuffled(batch),
      shuffled(contract),
    ).map(([a, b, batch, contract]) => {
      const pairs = (labels: string[]) =>
        labels.map((label) => [a.indexOf(label), b.indexOf(label)] as const);
      return {
        params: { batch: pairs(batch), contract: pairs(contract) },
        operands: [{ shape: shapeOf(a), range }, { shape: shapeOf(b), range }],
      };
    });
  });

const from = (least: number, most: number) => fc.integer({ min: least, max: most });

/** Windows over none to two spatial axes, with all that can be said about where they lie. */
const convolved = (range: Range): fc.Arbitrary<Application<"conv">> => {
  const axis = fc.record({
    input: from(0, 5),
    window: from(1, 3),
    stride: from(1, 3),
    low: from(-1, 2),
    high: from(-1, 2),
    // Mostly none: derivatives of plain windows with strides go a way of their own.
    inputDilation: fc.constantFrom(1, 1, 1, 2, 3),
    kernelDilation: fc.constantFrom(1, 1, 1, 2, 3),
  });
  return fc.record({
    axes: fc.array(axis, { maxLength: 2 }),
    groups: from(1, 2),
    batch: from(0, 3),
    channels: from(0, 3),
    outputs: from(0, 3),
  }).map(({ axes, groups, batch, channels, outputs }) => {
    const each = (name: keyof typeof axes[0]) => axes.map((axis) => axis[name]);
    return {
      params: {
        stride: each("stride"),
        low: each("low"),
        high: each("high"),
        inputDilation: each("inputDilation"),
        kernelDilation: each("kernelDilation"),
      },
      operands: [
        { shape: [groups, batch, ...each("input"), channels], range },
        { shape: [groups, ...each("window"), channels, outputs], range },
      ],
    };
  });
};

const weightedRows = rememberText(
  "function (x, w) { return x[this.thread.y][this.thread.x] * w[this.thread.y] + " +
    "this.constants.offset; }",
);

/** A kernel of rows and a weight for each. */
const weighted: fc.Arbitrary<Application<"customKernel">> = fc.tuple(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 3 }),
).map(([rows, columns]) => {
  const range = between(-2, 2, "float32");
  return {
    params: {
      name: "weighted",
      shape: [rows, columns],
      constants: [["offset", 0.5]],
      source: weightedRows,
    },
    operands: [{ shape: [rows, columns], range }, { shape: [rows], range }],
  };
});

const created: fc.Arbitrary<Application> = anyShape(1).map((shape) =>
  ({ params: { shape, dtype: "float64", axis: 0, value: 2.5 }, operands: [] }) as never
);

/** Cases of every primitive. */
export const primitiveCases: {
  readonly [Name in PrimitiveName]: readonly PrimitiveCase<Name>[];
} = {
  neg: [smooth(unary(reals)), none(unary(int32))],
  abs: [kinked(unary(awayFromZero(0.2, 2))), none(unary(int32))],
  sign: [kinked(unary(awayFromZero(0.2, 2))), none(unary(int32))],
  floor: [kinked(unary(betweenSteps))],
  ceil: [kinked(unary(betweenSteps))],
  round: [kinked(unary(betweenSteps))],
  sqrt: [smooth(unary(positive))],
  cbrt: [smooth(unary(awayFromZero(0.3, 2)))],
  rcbrt: [smooth(unary(awayFromZero(0.3, 2)))],
  exp: [smooth(unary(reals))],
  expm1: [smooth(unary(reals))],
  log: [smooth(unary(positive))],
  log1p: [smooth(unary(between(-0.6, 2)))],
  sin: [smooth(unary(reals))],
  cos: [smooth(unary(reals))],
  tanh: [smooth(unary(reals))],
  logistic: [smooth(unary(reals))],
  erf: [smooth(unary(reals))],
  isFinite: [none(unary(reals))],
  not: [none(unary(bool)), none(unary(int32)), none(unary(word))],
  cast: [
    smooth(unary(reals).map((a) => ({ ...a, params: { dtype: "float64" } }) as never)),
    none(unary(betweenSteps).map((a) => ({ ...a, params: { dtype: "int32" } }) as never)),
    none(unary(int32).map((a) => ({ ...a, params: { dtype: "float64" } }) as never)),
    none(unary(reals).map((a) => ({ ...a, params: { dtype: "bfloat16" } }) as never)),
  ],
  bitcast: [
    none(unary(word).map((a) => ({ ...a, params: { dtype: "int32" } }) as never)),
    none(
      unary(between(-2, 2, "float32")).map((a) => ({ ...a, params: { dtype: "uint32" } }) as never),
    ),
  ],
  stopGradient: [zero(unary(reals)), none(unary(bool))],

  add: [smooth(broadcasting(reals, reals)), none(broadcasting(word, word))],
  sub: [smooth(broadcasting(reals, reals)), none(broadcasting(int32, int32))],
  mul: [smooth(broadcasting(reals, reals)), none(broadcasting(int32, int32))],
  div: [smooth(broadcasting(reals, awayFromZero(0.5, 2)))],
  rem: [
    kinked(broadcasting(between(3.5, 3.8), between(1, 1.05))),
    kinked(broadcasting(between(-3.8, -3.5), between(1, 1.05))),
    none(broadcasting(int32, int32)),
  ],
  pow: [smooth(broadcasting(positive, reals))],
  max: [kinked(broadcasting(lattice(0), lattice(1 / 16))), none(broadcasting(int32, int32))],
  min: [kinked(broadcasting(lattice(0), lattice(1 / 16))), none(broadcasting(int32, int32))],
  equal: [none(broadcasting(int32, int32)), none(broadcasting(bool, bool))],
  less: [none(broadcasting(reals, reals)), none(broadcasting(word, word))],
  lessEqual: [none(broadcasting(reals, reals)), none(broadcasting(int32, int32))],
  and: [none(broadcasting(bool, bool)), none(broadcasting(word, word))],
  or: [none(broadcasting(bool, bool)), none(broadcasting(int32, int32))],
  xor: [none(broadcasting(bool, bool)), none(broadcasting(word, word))],
  shiftLeft: [none(broadcasting(word, whole("uint32", 0, 40)))],
  shiftRight: [none(broadcasting(word, whole("uint32", 0, 40)))],
  select: [
    smooth(broadcasting(bool, reals, reals)),
    none(broadcasting(bool, int32, int32)),
    none(broadcasting(bool, bool, bool)),
  ],

  reshape: [
    smooth(
      withShape<"reshape">(
        anyShape(),
        reals,
        (shape) =>
          fc.constantFrom([...shape].reverse(), [sizeOf(shape)], [1, ...shape, 1]).map((to) => ({
            shape: to,
          })),
      ) as never,
    ),
  ],
  transpose: [
    smooth(
      withShape<"transpose">(
        anyShape(),
        reals,
        (shape) => permutationOf(shape.length).map((permutation) => ({ permutation })),
      ) as never,
    ),
  ],
  broadcast: [
    smooth(
      anyShape().chain((shape) =>
        fc.tuple(someAxes(shape), fc.tuple(...shape.map(() => fc.boolean()))).map((
          [axes, ones],
        ) => ({
          params: { shape, axes },
          operands: [{ shape: axes.map((axis) => ones[axis] ? 1 : shape[axis]!), range: reals }],
        }))
      ) as never,
    ),
  ],
  slice: [
    smooth(
      anyShape().chain((shape) =>
        fc.tuple(perAxis(shape, 0, 5), perAxis(shape, 0, 5), perAxis(shape, 1, 3)).map((
          [a, b, stride],
        ) => {
          const ends = shape.map((extent, i) =>
            [a[i]! % (extent + 1), b[i]! % (extent + 1)].sort((x, y) => x - y)
          );
          const params = { start: ends.map((e) => e[0]!), limit: ends.map((e) => e[1]!), stride };
          return { params, operands: [{ shape, range: reals }] };
        })
      ) as never,
    ),
  ],
  pad: [
    smooth(withShape<"pad">(anyShape(), reals, (shape) =>
      fc.record({
        low: perAxis(shape, 0, 2),
        high: perAxis(shape, 0, 2),
        inner: perAxis(shape, 0, 2),
      })) as never),
  ],
  concat: [smooth(joined(reals) as never), none(joined(bool) as never)],
  flip: [
    smooth(
      withShape<"flip">(
        anyShape(),
        reals,
        (shape) => someAxes(shape).map((axes) => ({ axes })),
      ) as never,
    ),
  ],
  gather: [
    smooth(gathered(reals, false) as never),
    none(gathered(int32, true) as never),
    none(gathered(bool, true) as never),
  ],
  scatterAdd: [smooth(scattered(reals) as never), none(scattered(int32) as never)],

  reduceSum: [
    smooth(reduced(reals, anyShape()) as never),
    none(reduced(int32, anyShape()) as never),
  ],
  reduceMax: [
    kinked(reduced(distinct, nonEmpty) as never),
    none(reduced(int32, anyShape()) as never),
  ],
  reduceMin: [
    kinked(reduced(distinct, nonEmpty) as never),
    none(reduced(int32, anyShape()) as never),
  ],
  argMax: [
    none(
      withShape<"argMax">(
        withAnAxis,
        reals,
        (shape) => fc.nat({ max: shape.length - 1 }).map((axis) => ({ axis })),
      ) as never,
    ),
  ],
  cumSum: [
    smooth(
      withShape<"cumSum">(
        anyShape(1),
        reals,
        (shape) => fc.record({ axis: fc.nat({ max: shape.length - 1 }), reverse: fc.boolean() }),
      ) as never,
    ),
  ],

  dot: [smooth(contracted(reals) as never), none(contracted(int32) as never)],
  conv: [smooth(convolved(reals) as never), none(convolved(int32) as never)],

  customKernel: [none(weighted as never)],

  iota: [none(created)],
  full: [none(created)],
  threefry2x32: [
    none(
      broadcastingShapes(2).map((shapes) => ({
        params: noParams,
        operands: shapes.map((shape) => ({ shape: [...shape, 2], range: word })),
      })),
    ),
  ],
};
