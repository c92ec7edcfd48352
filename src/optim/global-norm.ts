import { add, mul, square } from "../ops/arithmetic.ts";
import { isFinite } from "../ops/comparison.ts";
import { sqrt } from "../ops/elementary.ts";
import { where } from "../ops/logical.ts";
import { sum } from "../ops/reductions.ts";
import { cast } from "../ops/shaping.ts";
import { TreeError } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tree/tree.ts";
import { flattenTensors } from "../tree/tree.ts";

/**
 * The Euclidean norm of all leaves together, as a scalar (float64 if a leaf is, else float32). Squares that
 * overflow do not spoil it: it is finite for finite leaves wherever the norm itself is in range.
 *
 * @throws {TreeError} if a leaf is no tensor, or there is none.
 *
 * @example
 * ```ts
 * import { globalNorm, tensor } from "softstep";
 *
 * console.log(globalNorm({ a: tensor([3]), b: tensor([4]) }).item()); // => 5
 * ```
 */
export function globalNorm(tree: Tree): Tensor {
  const { leaves } = flattenTensors("globalNorm", tree, "");
  if (leaves.length === 0) throw new TreeError("globalNorm", "the tree has no leaves");
  const dtype = leaves.some((leaf) => leaf.dtype === "float64") ? "float64" : "float32";
  // An exact power of two that squares of the largest numbers bear; both sums come from one pass.
  const down = dtype === "float64" ? 2 ** -520 : 2 ** -70;
  const total = (factor: number): Tensor =>
    leaves
      .map((leaf) => sum(square(mul(cast(leaf, dtype), factor))))
      .reduce((left, right) => add(left, right));
  const plain = total(1);
  return where(isFinite(plain), sqrt(plain), mul(sqrt(total(down)), 1 / down));
}
