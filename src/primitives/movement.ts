import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape, formatSpec, sizeOf, type TensorSpec } from "../core/shape.ts";
import type { PrimitiveTable } from "../tracing/primitive.ts";
import { withBatch } from "./batching.ts";
import {
  broadcast,
  concat,
  flip,
  fullLike,
  pad,
  reduceSum,
  reshape,
  slice,
  transpose,
} from "./calls.ts";

type MovementName = "reshape" | "transpose" | "broadcast" | "slice" | "pad" | "concat" | "flip";

const shifted = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** Extent of an axis after slicing. */
function slicedExtent(start: number, limit: number, stride: number): number {
  return Math.max(0, Math.ceil((limit - start) / stride));
}

/** Extent of an axis of `extent` elements with `inner` zeros between neighbours. */
function spread(extent: number, inner: number): number {
  return extent === 0 ? 0 : (extent - 1) * (inner + 1) + 1;
}

/** Primitives that move elements and compute nothing; all are linear. */
export const movementPrimitives: Pick<PrimitiveTable, MovementName> = {
  reshape: {
    infer({ shape }, x) {
      if (sizeOf(shape) !== sizeOf(x.shape)) {
        throw new ShapeError(
          "reshape",
          `${formatShape(x.shape)} has ${sizeOf(x.shape)} elements; ${
            formatShape(shape)
          } would have ` +
            `${sizeOf(shape)}`,
        );
      }
      return { shape, dtype: x.dtype };
    },
    jvp: ({ shape }, [tangent]) => reshape(tangent!, shape),
    vjp: (_params, cotangent, [x]) => [reshape(cotangent, x!.shape)],
    batch: ({ shape }, [x], _batched, size) => reshape(x!, [size, ...shape]),
  },

  transpose: {
    infer({ permutation }, x) {
      const sorted = [...permutation].sort((a, b) => a - b);
      if (permutation.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
        throw new ShapeError(
          "transpose",
          `${formatShape(permutation)} is no permutation of the axes of ${formatShape(x.shape)}`,
        );
      }
      return { shape: permutation.map((axis) => x.shape[axis]!), dtype: x.dtype };
    },
    jvp: ({ permutation }, [tangent]) => transpose(tangent!, permutation),
    vjp({ permutation }, cotangent) {
      const inverse = new Array<number>(permutation.length);
      permutation.forEach((from, to) => inverse[from] = to);
      return [transpose(cotangent, inverse)];
    },
    batch: ({ permutation }, [x]) => transpose(x!, [0, ...shifted(permutation)]),
  },

  broadcast: {
    infer({ shape, axes }, x) {
      const fits = axes.length === x.shape.length &&
        axes.every((axis, i) =>
          (i === 0 || axis > axes[i - 1]!) && axis >= 0 && axis < shape.length &&
          (x.shape[i] === 1 || x.shape[i] === shape[axis])
        );
      if (!fits) {
        throw new ShapeError(
          "broadcast",
          `${formatShape(x.shape)} does not broadcast to ${formatShape(shape)} along axes ` +
            `${formatShape(axes)}; expected equal extents or 1`,
        );
      }
      return { shape, dtype: x.dtype };
    },
    jvp: ({ shape, axes }, [tangent]) => broadcast(tangent!, shape, axes),
    vjp({ shape, axes }, cotangent, [x]) {
      const repeated = shape.flatMap((extent, axis) => {
        const from = axes.indexOf(axis);
        return from < 0 || (x!.shape[from] === 1 && extent !== 1) ? [axis] : [];
      });
      return [reshape(reduceSum(cotangent, repeated), x!.shape)];
    },
    batch: ({ shape, axes }, [x], _batched, size) =>
      broadcast(x!, [size, ...shape], [0, ...shifted(axes)]),
  },

  slice: {
    infer({ start, limit, stride }, x) {
      x.shape.forEach((extent, axis) => {
        const [from, to, step] = [start[axis]!, limit[axis]!, stride[axis]!];
        const whole = [from, to, step].every(Number.isInteger);
        if (!(whole && from >= 0 && from <= to && to <= extent && step >= 1)) {
          throw new ShapeError(
            "slice",
            `${from}:${to}:${step} does not fit axis ${axis} of ${formatShape(x.shape)}`,
          );
        }
      });
      return {
        shape: x.shape.map((_, axis) => slicedExtent(start[axis]!, limit[axis]!, stride[axis]!)),
        dtype: x.dtype,
      };
    },
    jvp: ({ start, limit, stride }, [tangent]) => slice(tangent!, start, limit, stride),
    vjp({ start, stride }, cotangent, [x]) {
      const inner = stride.map((step) => step - 1);
      const high = x!.shape.map((extent, axis) =>
        extent - start[axis]! - spread(cotangent.shape[axis]!, inner[axis]!)
      );
      return [pad(cotangent, start, high, inner)];
    },
    batch: ({ start, limit, stride }, [x], _batched, size) =>
      slice(x!, [0, ...start], [size, ...limit], [1, ...stride]),
  },

  pad: {
    infer({ low, high, inner }, x) {
      if ([...low, ...high, ...inner].some((count) => !Number.isInteger(count) || count < 0)) {
        throw new ShapeError(
          "pad",
          `cannot pad by ${formatShape([...low, ...high])}; expected >= 0`,
        );
      }
      const shape = x.shape.map((extent, axis) =>
        low[axis]! + spread(extent, inner[axis]!) + high[axis]!
      );
      return { shape, dtype: x.dtype };
    },
    jvp: ({ low, high, inner }, [tangent]) => pad(tangent!, low, high, inner),
    vjp({ low, high, inner }, cotangent) {
      const limit = cotangent.shape.map((extent, axis) => extent - high[axis]!);
      return [slice(cotangent, low, limit, inner.map((count) => count + 1))];
    },
    batch: ({ low, high, inner }, [x]) => pad(x!, [0, ...low], [0, ...high], [0, ...inner]),
  },

  concat: {
    infer: ({ axis }, ...operands) => inferConcat(axis, operands),
    jvp({ axis }, tangents, operands) {
      return concat(
        tangents.map((t, i) => t ?? fullLike(operands[i]!, 0)),
        axis,
      );
    },
    vjp({ axis }, cotangent, operands) {
      let offset = 0;
      return operands.map((operand) => {
        const start = cotangent.shape.map((_, i) => i === axis ? offset : 0);
        offset += operand.shape[axis]!;
        return slice(
          cotangent,
          start,
          cotangent.shape.map((extent, i) => i === axis ? offset : extent),
        );
      });
    },
    batch: ({ axis }, operands, batched, size) =>
      concat(operands.map((operand, i) => withBatch(operand, batched[i]!, size)), axis + 1),
  },

  flip: {
    infer: (_params, x) => x,
    jvp: ({ axes }, [tangent]) => flip(tangent!, axes),
    vjp: ({ axes }, cotangent) => [flip(cotangent, axes)],
    batch: ({ axes }, [x]) => flip(x!, shifted(axes)),
  },
};

function inferConcat(axis: number, operands: readonly TensorSpec[]): TensorSpec {
  const [first, ...rest] = operands;
  if (first === undefined) throw new ShapeError("concat", "no tensors; expected at least one");
  for (const other of rest) {
    if (other.dtype !== first.dtype) {
      throw new DTypeError(
        "concat",
        `cannot join ${formatSpec(first)} and ${formatSpec(other)}; expected one dtype`,
      );
    }
    const fits = other.shape.length === first.shape.length &&
      other.shape.every((extent, i) => i === axis || extent === first.shape[i]);
    if (!fits) {
      throw new ShapeError(
        "concat",
        `${formatShape(first.shape)} and ${
          formatShape(other.shape)
        } do not join along axis ${axis}; ` +
          `expected equal extents on all other axes`,
      );
    }
  }
  const total = operands.reduce((sum, operand) => sum + operand.shape[axis]!, 0);
  return { shape: first.shape.map((extent, i) => i === axis ? total : extent), dtype: first.dtype };
}
