import { isInteger } from "../core/dtype.ts";
import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatShape, type TensorSpec, withoutAxes } from "../core/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Primitive, PrimitiveTable } from "../tracing/primitive.ts";
import {
  argMax,
  broadcast,
  cast,
  cumSum,
  div,
  equal,
  mul,
  reduceMax,
  reduceMin,
  reduceSum,
} from "./calls.ts";

type ReductionName = "reduceSum" | "reduceMax" | "reduceMin" | "argMax" | "cumSum";

const shifted = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

function reducedSpec(name: string, axes: readonly number[], x: TensorSpec): TensorSpec {
  checkNumber(name, x);
  if (axes.some((axis) => axis < 0 || axis >= x.shape.length)) {
    throw new ShapeError(
      name,
      `axes ${formatShape(axes)} are out of range for ${formatShape(x.shape)}`,
    );
  }
  return { shape: withoutAxes(x.shape, axes), dtype: x.dtype };
}

function checkNumber(name: string, x: TensorSpec): void {
  if (x.dtype !== "float32" && x.dtype !== "float64" && !isInteger(x.dtype)) {
    throw new DTypeError(
      name,
      `cannot take ${x.dtype}; expected float32, float64, int32 or uint32`,
    );
  }
}

/** Repeats a reduced tensor along the axes that the reduction took away. */
function spreadOver(reduced: Tensor, shape: readonly number[], axes: readonly number[]): Tensor {
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return broadcast(reduced, shape, kept);
}

function extremum<Name extends "reduceMax" | "reduceMin">(
  name: Name,
  reduce: (x: Tensor, axes: readonly number[]) => Tensor,
): Primitive<Name> {
  // Elements that tie for the extremum share the derivative equally.
  const shares = (x: Tensor, result: Tensor, axes: readonly number[]): Tensor => {
    const ties = cast(equal(x, spreadOver(result, x.shape, axes)), x.dtype);
    return div(ties, spreadOver(reduceSum(ties, axes), x.shape, axes));
  };
  return {
    infer: ({ axes }, x) => reducedSpec(name, axes, x),
    jvp: ({ axes }, [tangent], [x], result) =>
      reduceSum(mul(tangent!, shares(x!, result, axes)), axes),
    vjp: ({ axes }, cotangent, [x], result) => [
      mul(spreadOver(cotangent, x!.shape, axes), shares(x!, result, axes)),
    ],
    batch: ({ axes }, [x]) => reduce(x!, shifted(axes)),
  };
}

/** Primitives that combine elements along axes. */
export const reductionPrimitives: Pick<PrimitiveTable, ReductionName> = {
  reduceSum: {
    infer: ({ axes }, x) => reducedSpec("reduceSum", axes, x),
    jvp: ({ axes }, [tangent]) => reduceSum(tangent!, axes),
    vjp: ({ axes }, cotangent, [x]) => [spreadOver(cotangent, x!.shape, axes)],
    batch: ({ axes }, [x]) => reduceSum(x!, shifted(axes)),
  },
  reduceMax: extremum("reduceMax", reduceMax),
  reduceMin: extremum("reduceMin", reduceMin),
  argMax: {
    infer({ axis }, x) {
      const { shape } = reducedSpec("argMax", [axis], x);
      if (x.shape[axis] === 0) {
        throw new ShapeError("argMax", `axis ${axis} of ${formatShape(x.shape)} has no elements`);
      }
      return { shape, dtype: "int32" };
    },
    batch: ({ axis }, [x]) => argMax(x!, axis + 1),
  },
  cumSum: {
    infer({ axis }, x) {
      reducedSpec("cumSum", [axis], x);
      return { shape: x.shape, dtype: x.dtype };
    },
    jvp: ({ axis, reverse }, [tangent]) => cumSum(tangent!, axis, reverse),
    vjp: ({ axis, reverse }, cotangent) => [cumSum(cotangent, axis, !reverse)],
    batch: ({ axis, reverse }, [x]) => cumSum(x!, axis + 1, reverse),
  },
};
