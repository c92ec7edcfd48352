import type { Tensor } from "../tensor/tensor.ts";
import { broadcastTo, reshape, transpose } from "./calls.ts";

/**
 * Gives batched operands one rank by axes of extent 1 right behind the batch, so that what broadcast without
 * the batch broadcasts with it.
 */
export function alignBatched(operands: readonly Tensor[], batched: readonly boolean[]): Tensor[] {
  const rank = Math.max(...operands.map((operand, i) => operand.rank - (batched[i] ? 1 : 0)));
  return operands.map((operand, i) => {
    if (!batched[i]) return operand;
    const [size, ...rest] = operand.shape;
    return reshape(operand, [size!, ...new Array<number>(rank - rest.length).fill(1), ...rest]);
  });
}

/** The operand with the batch as axis 0, repeated if it is the same for all. */
export function withBatch(operand: Tensor, batched: boolean, size: number): Tensor {
  return batched ? operand : broadcastTo(operand, [size, ...operand.shape]);
}

/** Moves one axis to another place and keeps the order of the others. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const permutation = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  permutation.splice(to, 0, from);
  return transpose(x, permutation);
}
