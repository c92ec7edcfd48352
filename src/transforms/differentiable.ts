import { DifferentiationError, ShapeError, TracedValueError } from "../core/errors.ts";
import { isFloating } from "../core/dtype.ts";
import { formatSpec } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Tensor as TensorClass } from "../tensor/tensor.ts";
import { flattenTensors, type TreeStructure, unflatten } from "../tree/tree.ts";

/** A tree of tensors that a function is differentiated by, taken apart. */
export interface Differentiable {
  readonly leaves: Tensor[];
  readonly paths: string[];
  readonly structure: TreeStructure;
}

/** Takes an argument apart; refuses leaves that cannot carry a derivative. */
export function flattenDifferentiable(
  functionName: string,
  argument: unknown,
  name: string,
): Differentiable {
  const flat = flattenTensors(functionName, argument, name);
  flat.leaves.forEach((leaf, i) => {
    if (!isFloating(leaf.dtype)) {
      throw new DifferentiationError(
        functionName,
        `${flat.paths[i]} is ${formatSpec(leaf)}; only floating tensors can be differentiated by`,
      );
    }
  });
  return flat;
}

/** Trees like the given ones, with other leaves, which come in one row. */
export function regroup(parts: readonly Differentiable[], leaves: readonly Tensor[]): unknown[] {
  let next = 0;
  return parts.map((part) =>
    unflatten(part.structure, leaves.slice(next, next += part.leaves.length))
  );
}

/** Refuses a result that has no gradient: what is not one floating number. */
export function checkScalarLoss(functionName: string, loss: unknown): asserts loss is Tensor {
  checkNotPromise(functionName, loss);
  if (!(loss instanceof TensorClass)) {
    throw new DifferentiationError(
      functionName,
      `the function returned ${
        describe(loss)
      }; expected a scalar tensor (or [scalar, aux] with hasAux)`,
    );
  }
  if (loss.rank !== 0) {
    throw new ShapeError(
      functionName,
      `the function returned ${
        formatSpec(loss)
      }; expected a scalar: reduce it, for example by mean`,
    );
  }
  if (!isFloating(loss.dtype)) {
    throw new DifferentiationError(
      functionName,
      `the function returned ${formatSpec(loss)}; expected a floating scalar`,
    );
  }
}

/** Refuses an asynchronous function: it would go on after the trace has ended. */
export function checkNotPromise(functionName: string, result: unknown): void {
  if (result instanceof Promise) {
    throw new TracedValueError(
      functionName,
      "the function is async; expected one that returns its result at once (await outside of it)",
    );
  }
}
