import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape, type TensorSpec } from "../core/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PrimitiveTable } from "../tracing/primitive.ts";
import { moveAxis, withBatch } from "./batching.ts";
import {
  add,
  and,
  broadcast,
  gather,
  iota,
  less,
  lessEqual,
  mul,
  numberLike,
  reshape,
  scatterAdd,
  select,
} from "./calls.ts";

function checkIndices(name: string, indices: TensorSpec): void {
  if (indices.dtype !== "int32") {
    throw new DTypeError(name, `indices are ${indices.dtype}; expected int32`);
  }
}

/** bool: which indices lie in [0, extent). */
function inRange(indices: Tensor, extent: number): Tensor {
  return and(
    lessEqual(numberLike(0, indices), indices),
    less(indices, numberLike(extent, indices)),
  );
}

/** Indices [size, ...] into each of `size` pieces of `extent` become indices into all pieces in a row. */
function offsetByBatch(indices: Tensor, size: number, extent: number): Tensor {
  const batch = iota(indices.shape, "int32", 0, indices);
  const offset = add(indices, mul(batch, numberLike(extent, indices)));
  return select(inRange(indices, extent), offset, numberLike(size * extent, indices));
}

/** Primitives that move elements to or from places named by a tensor; linear in the elements. */
export const indexingPrimitives: Pick<PrimitiveTable, "gather" | "scatterAdd"> = {
  gather: {
    infer({ axis }, x, indices) {
      checkIndices("gather", indices);
      if (axis < 0 || axis >= x.shape.length) {
        throw new ShapeError("gather", `axis ${axis} is out of range for ${formatShape(x.shape)}`);
      }
      const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
      return { shape, dtype: x.dtype };
    },
    jvp: ({ axis }, [tangent], [, indices]) => tangent && gather(tangent, indices!, axis),
    vjp: ({ axis }, cotangent, [x, indices]) => [
      scatterAdd(cotangent, indices!, axis, x!.shape[axis]!),
    ],
    batch({ axis }, [x, indices], [xBatched, indicesBatched], size) {
      if (!indicesBatched) return gather(x!, indices!, axis + 1);
      if (!xBatched) return moveAxis(gather(x!, indices!, axis), axis, 0);
      // One row of pieces along the axis: [..., size * extent, ...].
      const extent = x!.shape[axis + 1]!;
      const moved = moveAxis(x!, 0, axis);
      const shape = moved.shape.slice();
      const row = reshape(moved, [
        ...shape.slice(0, axis),
        size * extent,
        ...shape.slice(axis + 2),
      ]);
      return moveAxis(gather(row, offsetByBatch(indices!, size, extent), axis), axis, 0);
    },
  },

  scatterAdd: {
    infer({ axis, extent }, updates, indices) {
      checkIndices("scatterAdd", indices);
      if (updates.dtype === "bool" || updates.dtype === "bfloat16") {
        throw new DTypeError("scatterAdd", `cannot add ${updates.dtype}; expected a numeric dtype`);
      }
      const count = indices.shape.length;
      const fits = axis + count <= updates.shape.length &&
        indices.shape.every((n, i) => n === updates.shape[axis + i]);
      if (!fits) {
        throw new ShapeError(
          "scatterAdd",
          `updates ${formatShape(updates.shape)} do not have the indices' shape ` +
            `${formatShape(indices.shape)} from axis ${axis} on`,
        );
      }
      const shape = [
        ...updates.shape.slice(0, axis),
        extent,
        ...updates.shape.slice(axis + count),
      ];
      return { shape, dtype: updates.dtype };
    },
    jvp: ({ axis, extent }, [tangent], [, indices]) =>
      tangent && scatterAdd(tangent, indices!, axis, extent),
    vjp({ axis, extent }, cotangent, [updates, indices]) {
      // What was dropped gets zero, not the NaN that gather marks such places with.
      const axes = indices!.shape.map((_, i) => axis + i);
      const kept = broadcast(inRange(indices!, extent), updates!.shape, axes);
      return [select(kept, gather(cotangent, indices!, axis), numberLike(0, cotangent))];
    },
    batch({ axis, extent }, [updates, indices], [updatesBatched, indicesBatched], size) {
      if (!indicesBatched) return scatterAdd(updates!, indices!, axis + 1, extent);
      const pieces = moveAxis(withBatch(updates!, updatesBatched!, size), 0, axis);
      const row = scatterAdd(pieces, offsetByBatch(indices!, size, extent), axis, size * extent);
      const shape = row.shape.slice();
      shape.splice(axis, 1, size, extent);
      return moveAxis(reshape(row, shape), axis, 0);
    },
  },
};
