import { DTypeError, ShapeError } from "../core/errors.ts";
import { formatSpec, type TensorSpec } from "../core/shape.ts";
import type { PrimitiveParams } from "../graph/instruction-set.ts";
import { add, dot, transpose } from "./calls.ts";
import { moveAxis } from "./batching.ts";
import type { PrimitiveTable } from "../tracing/primitive.ts";

type Pairs = readonly (readonly [number, number])[];

/** The axes of one side that are neither batch nor contracted, ascending. */
function freeAxes(
  rank: number,
  side: 0 | 1,
  { contract, batch }: PrimitiveParams["dot"],
): number[] {
  const used = [...contract, ...batch].map((pair) => pair[side]);
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.includes(axis));
}

/** From the order in which axes came out to the order in which the operand has them. */
function inOrder(axes: readonly number[]): number[] {
  return axes.map((_, axis) => axes.indexOf(axis));
}

const shiftedPairs = (pairs: Pairs, left: number, right: number): Pairs =>
  pairs.map(([a, b]) => [a + left, b + right] as const);

/** Contraction of two operands; linear in each. */
export const contractionPrimitives: Pick<PrimitiveTable, "dot"> = {
  dot: {
    infer(params, a, b) {
      checkDot(params, a, b);
      const shape = [
        ...params.batch.map(([axis]) => a.shape[axis]!),
        ...freeAxes(a.shape.length, 0, params).map((axis) => a.shape[axis]!),
        ...freeAxes(b.shape.length, 1, params).map((axis) => b.shape[axis]!),
      ];
      return { shape, dtype: a.dtype };
    },

    jvp(params, [ta, tb], [a, b]) {
      const left = ta && dot(ta, b!, params);
      const right = tb && dot(a!, tb, params);
      return left && right ? add(left, right) : left ?? right;
    },

    // The result's axes are batch, free of a, free of b. Contracting the cotangent with the other operand's
    // free axes brings back the contracted ones.
    vjp(params, cotangent, [a, b], _result, [needA, needB]) {
      const { contract, batch } = params;
      const freeA = freeAxes(a!.rank, 0, params);
      const freeB = freeAxes(b!.rank, 1, params);
      const batches = batch.length;

      const forA = () => {
        const raw = dot(cotangent, b!, {
          batch: batch.map(([, axis], i) => [i, axis] as const),
          contract: freeB.map((axis, i) => [batches + freeA.length + i, axis] as const),
        });
        const contracted = [...contract].sort((x, y) => x[1] - y[1]).map(([axis]) => axis);
        return transpose(raw, inOrder([...batch.map(([axis]) => axis), ...freeA, ...contracted]));
      };
      const forB = () => {
        const raw = dot(a!, cotangent, {
          batch: batch.map(([axis], i) => [axis, i] as const),
          contract: freeA.map((axis, i) => [axis, batches + i] as const),
        });
        const contracted = [...contract].sort((x, y) => x[0] - y[0]).map(([, axis]) => axis);
        return transpose(raw, inOrder([...batch.map(([, axis]) => axis), ...contracted, ...freeB]));
      };
      return [needA ? forA() : undefined, needB ? forB() : undefined];
    },

    batch(params, [a, b], [aBatched, bBatched]) {
      const left = aBatched ? 1 : 0;
      const right = bBatched ? 1 : 0;
      const contract = shiftedPairs(params.contract, left, right);
      const batch = shiftedPairs(params.batch, left, right);
      if (aBatched && bBatched) return dot(a!, b!, { contract, batch: [[0, 0], ...batch] });
      const result = dot(a!, b!, { contract, batch });
      const freeA = a!.rank - contract.length - batch.length;
      return moveAxis(result, batch.length + (aBatched ? 0 : freeA), 0);
    },
  },
};

function checkDot({ contract, batch }: PrimitiveParams["dot"], a: TensorSpec, b: TensorSpec): void {
  if (
    a.dtype !== b.dtype || (a.dtype !== "float32" && a.dtype !== "float64" && a.dtype !== "int32")
  ) {
    throw new DTypeError(
      "dot",
      `cannot take ${a.dtype} and ${b.dtype}; expected one of float32, float64 and int32`,
    );
  }
  for (const [left, right] of [...contract, ...batch]) {
    if (a.shape[left] === undefined || a.shape[left] !== b.shape[right]) {
      throw new ShapeError(
        "dot",
        `axis ${left} of ${formatSpec(a)} and axis ${right} of ${
          formatSpec(b)
        } differ; expected equal ` +
          `extents`,
      );
    }
  }
}
