import type { TensorSpec } from "../core/shape.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * All that transformations know of a primitive. Rules are written with the same primitives, so that they can
 * be differentiated, batched and traced again.
 */
export interface Primitive<Name extends PrimitiveName = PrimitiveName> {
  /** The spec of the result; refuses operands that do not fit. */
  infer(params: PrimitiveParams[Name], ...operands: TensorSpec[]): TensorSpec;

  /**
   * Forward derivative: the tangent of the result, given those of the operands (undefined: zero).
   * Undefined: the derivative is zero everywhere, or the result cannot carry one.
   */
  jvp?(
    params: PrimitiveParams[Name],
    tangents: readonly (Tensor | undefined)[],
    operands: readonly Tensor[],
    result: Tensor,
  ): Tensor | undefined;

  /**
   * Reverse derivative: the cotangent of each operand, given that of the result. Operands that are not
   * `needed` may be left undefined; undefined for a needed one means zero.
   */
  vjp?(
    params: PrimitiveParams[Name],
    cotangent: Tensor,
    operands: readonly Tensor[],
    result: Tensor,
    needed: readonly boolean[],
  ): readonly (Tensor | undefined)[];

  /**
   * The result for a whole batch: operands marked in `batched` carry the batch as axis 0, the others are the
   * same for all; the result carries it as axis 0. `size` is the extent of the batch.
   */
  batch(
    params: PrimitiveParams[Name],
    operands: readonly Tensor[],
    batched: readonly boolean[],
    size: number,
  ): Tensor;
}

/** A record for every primitive. */
export type PrimitiveTable = { readonly [Name in PrimitiveName]: Primitive<Name> };

let table: PrimitiveTable | undefined;

/** Hands the records to the tracer; called once, by the module that lists them. */
export function installPrimitives(primitives: PrimitiveTable): void {
  table = primitives;
}

/** The record of a primitive. */
export function primitiveOf<Name extends PrimitiveName>(name: Name): Primitive<Name> {
  return table![name];
}
