import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape, formatSpec, type TensorSpec } from "../core/shape.ts";
import type { PrimitiveParams } from "../graph/instruction-set.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PrimitiveTable } from "../tracing/primitive.ts";
import { moveAxis } from "./batching.ts";
import { add, conv, flip, pad, reshape, slice, transpose } from "./calls.ts";

type Params = PrimitiveParams["conv"];

/** The extent of what is `dilation` apart. */
const spanOf = (extent: number, dilation: number): number =>
  extent === 0 ? 0 : (extent - 1) * dilation + 1;

/** The spatial axes of an operand: all but the first `before` and the last `after`. */
const spatialOf = ({ shape }: { readonly shape: readonly number[] }, before: number, after = 2) =>
  shape.slice(before, shape.length - after);

/** 0, 1, 2, ..., as many as there are parameters for. */
const spatialAxes = ({ stride }: Params): number[] => stride.map((_, axis) => axis);

/** Convolution, linear in both operands. Its derivatives are convolutions again. */
export const convolutionPrimitives: Pick<PrimitiveTable, "conv"> = {
  conv: {
    infer(params, x, w) {
      checkConv(params, x, w);
      const input = spatialOf(x, 2, 1);
      const window = spatialOf(w, 1);
      const positions = input.map((extent, axis) => {
        const padded = spanOf(extent, params.inputDilation[axis]!) + params.low[axis]! +
          params.high[axis]!;
        const room = padded - spanOf(window[axis]!, params.kernelDilation[axis]!);
        return Math.max(0, Math.floor(room / params.stride[axis]!) + 1);
      });
      return { shape: [...x.shape.slice(0, 2), ...positions, w.shape.at(-1)!], dtype: x.dtype };
    },

    jvp(params, [tx, tw], [x, w]) {
      const left = tx && conv(tx, w!, params);
      const right = tw && conv(x!, tw, params);
      return left && right ? add(left, right) : left ?? right;
    },

    vjp: (params, cotangent, [x, w], _result, [needX, needW]) => [
      needX ? inputCotangent(params, cotangent, x!, w!) : undefined,
      needW ? kernelCotangent(params, cotangent, x!, w!) : undefined,
    ],

    batch(params, [x, w], [xBatched, wBatched]) {
      if (xBatched && wBatched) {
        const result = conv(joinAxes(x!, 0), joinAxes(w!, 0), params);
        return splitAxis(result, 0, x!.shape);
      }
      if (xBatched) {
        const moved = moveAxis(x!, 0, 1);
        const result = conv(joinAxes(moved, 1), w!, params);
        return moveAxis(splitAxis(result, 1, moved.shape.slice(1)), 1, 0);
      }
      const last = w!.rank - 2;
      const moved = moveAxis(w!, 0, last);
      const result = conv(x!, joinAxes(moved, last), params);
      const axis = result.rank - 1;
      return moveAxis(splitAxis(result, axis, moved.shape.slice(last)), axis, 0);
    },
  },
};

/** Makes one axis of two neighbours. */
function joinAxes(x: Tensor, axis: number): Tensor {
  const { shape } = x;
  return reshape(x, [
    ...shape.slice(0, axis),
    shape[axis]! * shape[axis + 1]!,
    ...shape.slice(axis + 2),
  ]);
}

/** Makes two axes of one, with the first two of the given extents. */
function splitAxis(x: Tensor, axis: number, extents: readonly number[]): Tensor {
  const { shape } = x;
  return reshape(x, [...shape.slice(0, axis), ...extents.slice(0, 2), ...shape.slice(axis + 1)]);
}

/**
 * Where y[o] sums x[i] w[k] over i * inputDilation = o * stride + k * kernelDilation - low, the same equation with the
 * window reversed gives x's cotangent at i from y's at o: stride and input dilation have changed places.
 */
function inputCotangent(params: Params, cotangent: Tensor, x: Tensor, w: Tensor): Tensor {
  const isPlain = [...params.inputDilation, ...params.kernelDilation].every((value) => value === 1);
  return isPlain && params.stride.some((stride) => stride > 1)
    ? inputCotangentByPhases(params, cotangent, x, w)
    : inputCotangentInOne(params, cotangent, x, w);
}

function inputCotangentInOne(params: Params, cotangent: Tensor, x: Tensor, w: Tensor): Tensor {
  const axes = spatialAxes(params);
  const spatial = axes.map((axis) => axis + 1);
  const [inner, outer] = [axes.length + 1, axes.length + 2];
  const kernel = transpose(flip(w, spatial), [0, ...spatial, outer, inner]);
  const window = spatialOf(w, 1).map((extent, axis) =>
    spanOf(extent, params.kernelDilation[axis]!)
  );
  const low = axes.map((axis) => window[axis]! - 1 - params.low[axis]!);
  return conv(cotangent, kernel, {
    stride: params.inputDilation,
    low,
    high: highFor(spatialOf(x, 2, 1), {
      stride: params.inputDilation,
      low,
      padded: spatialOf(cotangent, 2, 1).map((extent, i) => spanOf(extent, params.stride[i]!)),
      window,
    }),
    inputDilation: params.stride,
    kernelDilation: params.kernelDilation,
  });
}

/**
 * The same for strides without multiplying the zeros between y's elements. With i + low = stride q + r and
 * k = stride j + r it is o = q - j: each remainder r (phase) is a convolution with every stride-th element of the
 * window. One convolution computes them all, as channels, which then move in between each other.
 */
function inputCotangentByPhases(
  { stride, low }: Params,
  cotangent: Tensor,
  x: Tensor,
  w: Tensor,
): Tensor {
  const axes = stride.map((_, axis) => axis);
  const rank = axes.length;
  const [groups, batch] = x.shape as [number, number];
  const [inner, outer] = w.shape.slice(-2) as [number, number];
  const input = spatialOf(x, 2, 1);
  const window = spatialOf(w, 1);

  const steps = axes.map((axis) => Math.ceil(window[axis]! / stride[axis]!));
  const missing = axes.map((axis) => steps[axis]! * stride[axis]! - window[axis]!);
  const none = w.shape.map(() => 0);
  const filled = missing.some((count) => count > 0) ? pad(w, none, [0, ...missing, 0, 0]) : w;
  // [groups, step, phase, step, phase, ..., in, out]
  const inPhases = reshape(filled, [
    groups,
    ...axes.flatMap((axis) => [steps[axis]!, stride[axis]!]),
    inner,
    outer,
  ]);
  const stepAxes = axes.map((axis) => 1 + 2 * axis);
  const phaseAxes = axes.map((axis) => 2 + 2 * axis);
  const ordered = transpose(flip(inPhases, stepAxes), [
    0,
    ...stepAxes,
    2 * rank + 2,
    ...phaseAxes,
    2 * rank + 1,
  ]);
  const phases = stride.reduce((product, each) => product * each, 1);
  const kernel = reshape(ordered, [groups, ...steps, outer, phases * inner]);

  const first = axes.map((axis) => Math.floor(low[axis]! / stride[axis]!));
  const positions = axes.map((axis) =>
    Math.floor((input[axis]! - 1 + low[axis]!) / stride[axis]!) - first[axis]! + 1
  );
  const ones = axes.map(() => 1);
  const newLow = axes.map((axis) => steps[axis]! - 1 - first[axis]!);
  const result = conv(cotangent, kernel, {
    stride: ones,
    low: newLow,
    high: highFor(positions, {
      stride: ones,
      low: newLow,
      padded: spatialOf(cotangent, 2, 1),
      window: steps,
    }),
    inputDilation: ones,
    kernelDilation: ones,
  });
  const split = reshape(result, [groups, batch, ...positions, ...stride, inner]);
  const between = transpose(split, [
    0,
    1,
    ...axes.flatMap((axis) => [2 + axis, 2 + rank + axis]),
    2 + 2 * rank,
  ]);
  const extents = axes.map((axis) => positions[axis]! * stride[axis]!);
  const start = axes.map((axis) => low[axis]! - first[axis]! * stride[axis]!);
  return slice(
    reshape(between, [groups, batch, ...extents, inner]),
    [0, 0, ...start, 0],
    [groups, batch, ...axes.map((axis) => start[axis]! + input[axis]!), inner],
  );
}

/**
 * The window's cotangent at k sums x[i] y[o] over the same equation, and over the batch: y is the window, stride and
 * kernel dilation have changed places, and so have batch and channels.
 */
function kernelCotangent(params: Params, cotangent: Tensor, x: Tensor, w: Tensor): Tensor {
  const axes = spatialAxes(params);
  const spatial = axes.map((axis) => axis + 2);
  const last = axes.length + 2;
  const images = transpose(x, [0, last, ...spatial, 1]);
  const kernel = transpose(cotangent, [0, ...spatial, 1, last]);
  const result = conv(images, kernel, {
    stride: params.kernelDilation,
    low: params.low,
    high: highFor(spatialOf(w, 1), {
      stride: params.kernelDilation,
      low: params.low,
      padded: spatialOf(x, 2, 1).map((extent, i) => spanOf(extent, params.inputDilation[i]!)),
      window: spatialOf(cotangent, 2, 1).map((extent, i) => spanOf(extent, params.stride[i]!)),
    }),
    inputDilation: params.inputDilation,
    kernelDilation: params.stride,
  });
  return transpose(result, [0, ...spatial, 1, last]);
}

/** The padding at the end that makes just so many positions. */
function highFor(
  positions: readonly number[],
  { stride, low, padded, window }: Record<
    "stride" | "low" | "padded" | "window",
    readonly number[]
  >,
): number[] {
  return positions.map((extent, axis) =>
    (extent - 1) * stride[axis]! + window[axis]! - padded[axis]! - low[axis]!
  );
}

function checkConv(params: Params, x: TensorSpec, w: TensorSpec): void {
  if (
    x.dtype !== w.dtype || (x.dtype !== "float32" && x.dtype !== "float64" && x.dtype !== "int32")
  ) {
    throw new DTypeError(
      "conv",
      `cannot take ${x.dtype} and ${w.dtype}; expected one of float32, float64 and int32`,
    );
  }
  const axes = params.stride.length;
  if (
    x.shape.length !== axes + 3 || w.shape.length !== axes + 3 || x.shape[0] !== w.shape[0] ||
    x.shape.at(-1) !== w.shape.at(-2)
  ) {
    throw new ShapeError(
      "conv",
      `cannot take ${formatSpec(x)} and ${
        formatSpec(w)
      }; expected [groups, batch, ...spatial, in] ` +
        `and [groups, ...window, in, out] with ${axes} spatial axes`,
    );
  }
  for (const name of ["stride", "inputDilation", "kernelDilation"] as const) {
    if (params[name].length !== axes || !params[name].every((value) => value >= 1)) {
      throw new ShapeError(
        "conv",
        `${name} ${formatShape(params[name])} does not fit; expected ${axes} numbers of 1 or more`,
      );
    }
  }
}
