/**
 * Inputs that are the same in every library and language: numbers by a hash of (seed, index). `peers/python/inputs.py`
 * and `native/roofline.c` repeat these few lines.
 */

/** Uniform in [-scale, scale). */
export function uniform(seed: number, size: number, scale = 1): Float32Array {
  const values = new Float32Array(size);
  const start = Math.imul(seed, 0x9e3779b9);
  for (let i = 0; i < size; i++) {
    let h = i ^ start;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    values[i] = ((h >>> 0) / 2 ** 31 - 1) * scale;
  }
  return values;
}

/** Whole numbers from 0 to below `limit`. */
export function integers(seed: number, size: number, limit: number): Int32Array {
  return Int32Array.from(uniform(seed, size), (value) => Math.floor(((value + 1) / 2) * limit));
}

/** The elements of an array with its axes in another order. */
export function transposed(
  values: Float32Array,
  shape: readonly number[],
  permutation: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  let offsets = [0];
  for (const axis of permutation) {
    offsets = offsets.flatMap((offset) =>
      Array.from({ length: shape[axis]! }, (_, i) => offset + i * strides[axis]!)
    );
  }
  return Float32Array.from(offsets, (offset) => values[offset]!);
}

/** One row for each index: 1 at that place, 0 elsewhere. */
export function oneHot(indices: Int32Array, limit: number): Float32Array {
  const rows = new Float32Array(indices.length * limit);
  indices.forEach((index, row) => rows[row * limit + index] = 1);
  return rows;
}

/** Makes a library's array of these elements. */
export type Make<T> = (values: Float32Array, shape: readonly number[]) => T;

/** `w` is [inputs, outputs]. */
export type Linear<T> = { readonly w: T; readonly b: T };
export type Norm<T> = { readonly scale: T; readonly offset: T };
export type Mlp<T> = { readonly hidden: Linear<T>; readonly out: Linear<T> };
export type Transformer<T> = {
  readonly embedding: T;
  readonly positions: T;
  readonly blocks: readonly {
    readonly attentionNorm: Norm<T>;
    readonly queryKeyValue: Linear<T>;
    readonly attentionOut: Linear<T>;
    readonly mlpNorm: Norm<T>;
    readonly mlpIn: Linear<T>;
    readonly mlpOut: Linear<T>;
  }[];
  readonly norm: Norm<T>;
};

type Extents<Name extends string> = { readonly [name in Name]: number };

export const MLP: Extents<"inputs" | "hidden" | "classes" | "batch"> = {
  inputs: 784,
  hidden: 256,
  classes: 10,
  batch: 128,
};

export function mlpWeights<T>(make: Make<T>): Mlp<T> {
  const weights = weightsOf(make);
  return {
    hidden: weights.linear(MLP.inputs, MLP.hidden),
    out: weights.linear(MLP.hidden, MLP.classes),
  };
}

export const TRANSFORMER: Extents<
  "vocabulary" | "context" | "features" | "heads" | "blocks" | "batch"
> = {
  vocabulary: 128,
  context: 64,
  features: 128,
  heads: 4,
  blocks: 2,
  batch: 16,
};

/** In the layout of the demo's model. */
export function transformerWeights<T>(make: Make<T>): Transformer<T> {
  const { vocabulary, context, features, blocks } = TRANSFORMER;
  const weights = weightsOf(make);
  return {
    embedding: weights.matrix(vocabulary, features),
    positions: weights.matrix(context, features),
    blocks: Array.from({ length: blocks }, () => ({
      attentionNorm: weights.norm(features),
      queryKeyValue: weights.linear(features, 3 * features),
      attentionOut: weights.linear(features, features),
      mlpNorm: weights.norm(features),
      mlpIn: weights.linear(features, 4 * features),
      mlpOut: weights.linear(4 * features, features),
    })),
    norm: weights.norm(features),
  };
}

/** int32[batch, context + 1], of which the last `context` columns are what is to be predicted. */
export function transformerTokens(): Int32Array {
  const { batch, context, vocabulary } = TRANSFORMER;
  return integers(100, batch * (context + 1), vocabulary);
}

/** The tokens that go in and those to be predicted, int32[batch, context] each. */
export function transformerPairs(): { inputs: Int32Array; labels: Int32Array } {
  const { batch, context } = TRANSFORMER;
  const tokens = transformerTokens();
  const columns = (first: number) =>
    Int32Array.from(
      { length: batch * context },
      (_, i) => tokens[Math.floor(i / context) * (context + 1) + (i % context) + first]!,
    );
  return { inputs: columns(0), labels: columns(1) };
}

/** Matrices are numbered from seed 1 in the order in which they are asked for. */
function weightsOf<T>(make: Make<T>) {
  let seed = 0;
  const matrix = (rows: number, columns: number) =>
    make(uniform(++seed, rows * columns, 1 / Math.sqrt(rows)), [rows, columns]);
  const filled = (size: number, value: number) => make(new Float32Array(size).fill(value), [size]);
  return {
    matrix,
    linear: (inputs: number, outputs: number) => ({
      w: matrix(inputs, outputs),
      b: filled(outputs, 0),
    }),
    norm: (features: number) => ({ scale: filled(features, 1), offset: filled(features, 0) }),
  };
}
