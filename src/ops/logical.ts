import { DTypeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { and, not, or, select } from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { checkTensor, promoteAll } from "./promote.ts";

function checkBool(functionName: string, x: Tensor): Tensor {
  checkTensor(functionName, x);
  if (x.dtype !== "bool") {
    throw new DTypeError(
      functionName,
      `cannot take ${x.dtype} as a condition; expected bool, for example notEqual(x, 0)`,
    );
  }
  return x;
}

/**
 * a where the condition is true, b elsewhere; all three broadcast. Both are computed: only the choice depends
 * on the condition, and so does the derivative. A NaN in the part that is not chosen does not reach the result,
 * but an infinite derivative there makes the derivative NaN: make the operand harmless before, not after.
 *
 * @throws {DTypeError} if the condition is not bool, or a and b have no common dtype.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { greater, tensor, where } from "softstep";
 *
 * const x = tensor([-1, 2]);
 * console.log(where(greater(x, 0), x, 0).toArray()); // => [ 0, 2 ]
 * ```
 */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  checkBool("where", condition);
  const [x, y] = promoteAll("where", a, b);
  return inNameOf("where", () => select(condition, x!, y!));
}

/**
 * Whether both are true, element by element with broadcasting.
 *
 * @throws {DTypeError} if an operand is not bool.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { logicalAnd, tensor } from "softstep";
 *
 * console.log(logicalAnd(tensor([true, true]), tensor([true, false])).toArray()); // => [ true, false ]
 * ```
 */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return inNameOf("logicalAnd", () => and(checkBool("logicalAnd", a), checkBool("logicalAnd", b)));
}

/**
 * Whether at least one is true, element by element with broadcasting.
 *
 * @throws {DTypeError} if an operand is not bool.
 * @throws {ShapeError} if the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { logicalOr, tensor } from "softstep";
 *
 * console.log(logicalOr(tensor([true, false]), tensor([false, false])).toArray()); // => [ true, false ]
 * ```
 */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return inNameOf("logicalOr", () => or(checkBool("logicalOr", a), checkBool("logicalOr", b)));
}

/**
 * The opposite of each element.
 *
 * @throws {DTypeError} if the operand is not bool.
 *
 * @example
 * ```ts
 * import { logicalNot, tensor } from "softstep";
 *
 * console.log(logicalNot(tensor([true, false])).toArray()); // => [ false, true ]
 * ```
 */
export function logicalNot(x: Tensor): Tensor {
  return inNameOf("logicalNot", () => not(checkBool("logicalNot", x)));
}
