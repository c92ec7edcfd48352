import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  conv,
  conv2d,
  type ConvOptions,
  DTypeError,
  makeGraph,
  matmul,
  ones,
  ShapeError,
  type Tensor,
  tensor,
  vjp,
  zeros,
} from "../mod.ts";
import { checkDerivatives } from "./support/derivatives.ts";
import { coordinates } from "./support/kernel-arbitraries.ts";
import { assertClose, elementsOf, uniformTensor } from "./support/tensors.ts";

interface Case {
  readonly input: readonly number[];
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
  readonly batch: number;
  readonly groups: number;
  /** Channels in a group, of x and of the result. */
  readonly channels: readonly [number, number];
}

const flat = (coordinate: readonly number[], shape: readonly number[]): number =>
  coordinate.reduce((at, index, axis) => at * shape[axis]! + index, 0);

/** By the definition, one element of the result after the other. */
function naive(
  x: readonly number[],
  w: readonly number[],
  { input, window, stride, padding, dilation, batch, groups, channels: [inner, outer] }: Case,
): { shape: number[]; values: number[] } {
  const positions = input.map((extent, axis) => {
    const span = (window[axis]! - 1) * dilation[axis]! + 1;
    return Math.floor((extent + padding[axis]![0] + padding[axis]![1] - span) / stride[axis]!) + 1;
  });
  const shape = [batch, ...positions, groups * outer];
  const values = coordinates(shape).map((at) => {
    const [image, channel] = [at[0]!, at.at(-1)!];
    const group = Math.floor(channel / outer);
    let sum = 0;
    for (const tap of coordinates([...window])) {
      const pixel = tap.map((index, axis) =>
        at[axis + 1]! * stride[axis]! + index * dilation[axis]! - padding[axis]![0]
      );
      if (pixel.some((index, axis) => index < 0 || index >= input[axis]!)) continue;
      for (let c = 0; c < inner; c++) {
        const xAt = flat([image, ...pixel, group * inner + c], [batch, ...input, groups * inner]);
        const wAt = flat([...tap, c, channel], [...window, inner, groups * outer]);
        sum += x[xAt]! * w[wAt]!;
      }
    }
    return sum;
  });
  return { shape, values };
}

const upTo = (least: number, most: number) => fc.integer({ min: least, max: most });

const anyCase: fc.Arbitrary<Case> = fc.record({
  axes: fc.array(
    fc.record({
      extra: upTo(0, 4),
      window: upTo(1, 3),
      stride: upTo(1, 3),
      padding: fc.tuple(upTo(0, 2), upTo(0, 2)),
      dilation: upTo(1, 2),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  batch: upTo(0, 2),
  groups: upTo(1, 2),
  channels: fc.tuple(upTo(1, 3), upTo(1, 3)),
}).map(({ axes, ...rest }) => ({
  // As large as the window needs, or larger.
  input: axes.map(({ extra, window, padding, dilation }) =>
    Math.max(1, (window - 1) * dilation + 1 - padding[0] - padding[1]) + extra
  ),
  window: axes.map((axis) => axis.window),
  stride: axes.map((axis) => axis.stride),
  padding: axes.map((axis) => axis.padding),
  dilation: axes.map((axis) => axis.dilation),
  ...rest,
}));

const operandsOf = (
  { input, window, batch, groups, channels: [inner, outer] }: Case,
  seed: number,
) =>
  [
    uniformTensor([batch, ...input, groups * inner], seed),
    uniformTensor([...window, inner, groups * outer], seed + 1),
  ] as const;

test("conv: any number of axes, against the definition", () => {
  fc.assert(
    fc.property(anyCase, fc.nat(), (each, seed) => {
      const [x, w] = operandsOf(each, seed);
      const { stride, padding, dilation, groups } = each;
      const actual = conv(x, w, { stride, padding, dilation, groups });
      const expected = naive(elementsOf(x), elementsOf(w), each);
      assert.deepEqual(actual.shape, expected.shape);
      assertClose(elementsOf(actual), expected.values, 1e-14);
    }),
    { numRuns: 300 },
  );
});

test("conv: derivatives with groups", () => {
  fc.assert(
    fc.property(anyCase, fc.nat(), (each, seed) => {
      const { stride, padding, dilation, groups } = each;
      const f = (x: Tensor, w: Tensor) => conv(x, w, { stride, padding, dilation, groups });
      const inputs = operandsOf(each, seed);
      checkDerivatives(f, [...inputs], seed);
    }),
    { numRuns: 30 },
  );
});

test('conv2d: padding "same" makes ceil(extent / stride) positions, the odd zero at the end', () => {
  const extent = upTo(1, 9);
  const small = upTo(1, 4);
  fc.assert(
    fc.property(
      fc.tuple(extent, extent),
      fc.tuple(small, small),
      fc.tuple(small, small),
      fc.tuple(upTo(1, 2), upTo(1, 2)),
      (input, window, stride, dilation) => {
        const x = uniformTensor([1, ...input, 2], 1);
        const w = uniformTensor([...window, 2, 1], 2);
        const same = conv2d(x, w, { padding: "same", stride, dilation });
        const positions = input.map((n, axis) => Math.ceil(n / stride[axis]!));
        assert.deepEqual(same.shape, [1, ...positions, 1]);
        const padding = input.map((n, axis) => {
          const span = (window[axis]! - 1) * dilation[axis]! + 1;
          const total = Math.max(0, (positions[axis]! - 1) * stride[axis]! + span - n);
          return [total >> 1, total - (total >> 1)] as const;
        });
        const explicit = conv2d(x, w, { padding, stride, dilation });
        assert.deepEqual(same.toArray(), explicit.toArray());
      },
    ),
  );
});

test("conv2d: numbers stand for both axes, and nothing is padded by default", () => {
  const x = uniformTensor([2, 7, 6, 3], 1);
  const w = uniformTensor([3, 2, 3, 4], 2);
  const equal = (a: ConvOptions, b: ConvOptions) =>
    assert.deepEqual(conv2d(x, w, a).toArray(), conv2d(x, w, b).toArray());
  equal({}, { padding: "valid", stride: 1, dilation: 1, groups: 1 });
  equal({ padding: 0 }, { padding: [0, [0, 0]] });
  equal({ padding: 2, stride: 2 }, { padding: [[2, 2], 2], stride: [2, 2] });
  equal({ dilation: 2 }, { dilation: [2, 2] });
});

test("conv2d: a window of one element is a product of channels", () => {
  const x = uniformTensor([2, 3, 4, 5], 1);
  const w = uniformTensor([1, 1, 5, 6], 2);
  assert.deepEqual(conv2d(x, w).toArray(), matmul(x, w.reshape([5, 6])).toArray());
});

test("conv2d: padding is zeros that are multiplied", () => {
  const x = ones([1, 1, 1, 1]);
  const w = tensor([[[[1]], [[Infinity]]]]);
  assert.deepEqual(elementsOf(conv2d(x, w, { padding: [0, [0, 1]] })), [NaN]);
});

test("conv: dtypes meet as elsewhere; whole numbers wrap", () => {
  const x = tensor([[[2 ** 30], [3]]], { dtype: "int32" });
  const w = tensor([[[4]], [[1]]], { dtype: "int32" });
  assert.deepEqual(conv(x, w).toArray(), [[[3]]]);
  assert.equal(conv(zeros([1, 2, 1]), w).dtype, "float32");
  const bits = zeros([1, 2, 1], { dtype: "uint32" });
  assert.throws(() => conv(bits, bits.reshape([2, 1, 1])), DTypeError);
});

test("conv: errors name the function and what was expected", () => {
  const x = zeros([2, 8, 8, 4]);
  const w = zeros([3, 3, 4, 6]);
  const refuses = (options: ConvOptions, message: RegExp) =>
    assert.throws(
      () => conv2d(x, w, options),
      (error) => error instanceof ShapeError && message.test(error.message),
    );
  refuses({ stride: 0 }, /conv2d: stride is 0; expected a whole number of 1 or more/);
  refuses({ stride: [1, 1.5] }, /stride is 1.5/);
  refuses({ stride: [1] }, /stride has 1 entries; expected one for each of 2 spatial axes/);
  refuses({ dilation: -1 }, /dilation is -1/);
  refuses({ dilation: 4 }, /\[3, 3\] \(\[9, 9\] with its dilation\) does not fit into \[8, 8\]/);
  refuses({ padding: -1 }, /padding is -1; expected a whole number of 0 or more/);
  refuses({ padding: [1, 1, 1] }, /padding has 3 entries/);
  refuses({ padding: "full" as "same" }, /padding is "full"; expected "same"/);
  refuses({ groups: 2 }, /x has 4 channels and w 4 \(and 6 of the result\) for 2 groups/);
  refuses({ groups: 0.5 }, /groups is 0.5/);
  assert.throws(() => conv2d(x, zeros([3, 3, 5, 6])), /x has 4 channels and w 5/);
  assert.throws(() => conv2d(x, zeros([3, 0, 4, 6])), /does not fit/);
  assert.throws(() => conv2d(zeros([8, 8, 4]), w), /\[8, 8, 4\] and \[3, 3, 4, 6\]; expected/);
  assert.throws(() => conv(x, zeros([3, 4, 6])), ShapeError);
  assert.throws(() => conv(zeros([2, 4]), zeros([4, 6])), ShapeError);
  assert.throws(() => conv([1] as never, w), DTypeError);
});

test("conv2d: forward and both derivatives are one convolution each", () => {
  const inputs = [zeros([2, 8, 8, 4]), zeros([3, 3, 4, 6]), zeros([2, 4, 4, 6])] as const;
  const count = (f: (...inputs: Tensor[]) => unknown) =>
    makeGraph(f)(...inputs).instructions.filter(({ op }) => op === "conv").length;
  const layer = (x: Tensor, w: Tensor) => conv2d(x, w, { padding: "same", stride: 2 });
  assert.equal(count((x, w) => layer(x!, w!)), 1);
  assert.equal(count((x, w, cotangent) => vjp(layer, x!, w!)[1](cotangent!)), 3);
});
