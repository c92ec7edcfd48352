import { ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { broadcastShapes, formatShape } from "../core/shape.ts";
import { broadcastTo, dot } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkTensor, promoteNumbers } from "./promote.ts";

/**
 * The matrix product of `[..., n, k]` and `[..., k, m]`: `[..., n, m]`, leading axes broadcast. A vector on the
 * left is a row, on the right a column, and its axis disappears; two vectors give their inner product.
 *
 * @throws {ShapeError} if an operand is a scalar, or the inner extents differ.
 * @throws {DTypeError} if there is no common dtype, or it is not float32, float64 or int32.
 *
 * @example
 * ```ts
 * import { matmul, tensor } from "softstep";
 *
 * const a = tensor([[1, 2], [3, 4]]);
 * console.log(matmul(a, tensor([1, 1])).toArray()); // => [ 3, 7 ]
 * console.log(matmul(a, a).toArray()); // => [ [ 7, 10 ], [ 15, 22 ] ]
 * ```
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensor("matmul", a);
  checkTensor("matmul", b);
  const [left, right] = promoteNumbers("matmul", a, b) as [Tensor, Tensor];
  const inner = left.shape[left.rank - 1];
  const other = right.shape[Math.max(0, right.rank - 2)];
  if (left.rank === 0 || right.rank === 0 || inner !== other) {
    throw new ShapeError(
      "matmul",
      `cannot multiply ${formatShape(left.shape)} by ${
        formatShape(right.shape)
      }; expected the last axis of ` +
        `the left to have the extent of the last but one of the right`,
    );
  }
  return inNameOf("matmul", () => {
    // Without a batch on the right every leading axis of the left is just more rows.
    if (right.rank <= 2) {
      return dot(left, right, { contract: [[left.rank - 1, 0]], batch: [] });
    }
    if (left.rank === 1) {
      return dot(left, right, { contract: [[0, right.rank - 2]], batch: [] });
    }
    const leading = broadcastShapes("matmul", left.shape.slice(0, -2), right.shape.slice(0, -2));
    const x = broadcastTo(left, [...leading, ...left.shape.slice(-2)]);
    const y = broadcastTo(right, [...leading, ...right.shape.slice(-2)]);
    const rank = leading.length;
    return dot(x, y, {
      contract: [[rank + 1, rank]],
      batch: leading.map((_, axis) => [axis, axis] as const),
    });
  });
}

/**
 * The outer product of two vectors: `[n]` and `[m]` give `[n, m]`.
 *
 * @throws {ShapeError} if an operand is no vector.
 *
 * @example
 * ```ts
 * import { outer, tensor } from "softstep";
 *
 * console.log(outer(tensor([1, 2]), tensor([3, 4])).toArray()); // => [ [ 3, 4 ], [ 6, 8 ] ]
 * ```
 */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkTensor("outer", a);
  checkTensor("outer", b);
  if (a.rank !== 1 || b.rank !== 1) {
    throw new ShapeError(
      "outer",
      `cannot take ${formatShape(a.shape)} and ${formatShape(b.shape)}; expected two vectors`,
    );
  }
  const [x, y] = promoteNumbers("outer", a, b) as [Tensor, Tensor];
  return inNameOf("outer", () => dot(x, y, { contract: [], batch: [] }));
}
