import { TreeError } from "../core/errors.ts";
import { add, mul, square } from "../ops/arithmetic.ts";
import { isFinite, less } from "../ops/comparison.ts";
import { full } from "../ops/creation.ts";
import { sqrt } from "../ops/elementary.ts";
import { where } from "../ops/logical.ts";
import { sum } from "../ops/reductions.ts";
import { cast } from "../ops/shaping.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tree/tree.ts";
import { flattenTensors } from "../tree/tree.ts";

/**
 * The Euclidean norm of all leaves together, as a scalar (float64 if a leaf is, else float32). Squares out of
 * range do not spoil it: it is right wherever the norm itself is in range.
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
  const { scale, ratio } = scaledNorm("globalNorm", tree);
  return mul(scale, ratio);
}

/** A norm as the product of two numbers, because it may be out of range itself. */
export interface ScaledNorm {
  /** A power of two that brings the elements to a size whose squares are in range. */
  readonly scale: Tensor;
  /** The norm of the elements divided by it. */
  readonly ratio: Tensor;
}

/** Powers of two for large and small elements, and where the sum of squares is too small to be trusted. */
const ranges = {
  float32: { large: 2 ** 100, small: 2 ** -90, tiny: 2 ** -100 },
  float64: { large: 2 ** 600, small: 2 ** -600, tiny: 2 ** -800 },
} as const;

/**
 * The norm of all leaves together, by three sums of squares that one pass over the elements gives: as they are,
 * scaled down, scaled up (J. Blue, ACM TOMS 4, 1978). Scaling by powers of two is exact.
 */
export function scaledNorm(functionName: string, tree: Tree): ScaledNorm {
  const { leaves } = flattenTensors(functionName, tree, "");
  if (leaves.length === 0) throw new TreeError(functionName, "the tree has no leaves");
  const dtype = leaves.some((leaf) => leaf.dtype === "float64") ? "float64" : "float32";
  const { large, small, tiny } = ranges[dtype];
  const sumOfSquares = (scale: number): Tensor =>
    leaves.map((leaf) => sum(square(mul(cast(leaf, dtype), 1 / scale)))).reduce((a, b) =>
      add(a, b)
    );
  const plain = sumOfSquares(1);
  const choose = (whenLarge: Tensor, whenSmall: Tensor, otherwise: Tensor): Tensor =>
    where(isFinite(plain), where(less(plain, tiny), whenSmall, otherwise), whenLarge);
  const number = (value: number): Tensor => full([], value, { dtype });
  return {
    scale: choose(number(large), number(small), number(1)),
    ratio: sqrt(choose(sumOfSquares(large), sumOfSquares(small), plain)),
  };
}
