import { TreeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { abs, add, mul, square } from "../ops/arithmetic.ts";
import { equal, greater, less } from "../ops/comparison.ts";
import { sqrt } from "../ops/elementary.ts";
import { logicalOr, where } from "../ops/logical.ts";
import { sum } from "../ops/reductions.ts";
import { cast } from "../ops/shaping.ts";
import { numberLike } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tree/tree.ts";
import { flattenTensors } from "../tree/tree.ts";

/**
 * The Euclidean norm of all leaves together, as a scalar (float64 if a leaf is, else float32). Squares out of
 * range do not spoil it: it is right wherever the norm itself is in range. Its gradient is the unit vector, and 0 where
 * all elements are 0.
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

/**
 * What counts as small and as large, and the powers of two that scale those. With these the squares of all floats, and
 * their sums over 2^37 elements and more, are normal numbers.
 */
const ranges = {
  float32: { small: 2 ** -50, large: 2 ** 45, up: 2 ** 90, down: 2 ** -90 },
  float64: { small: 2 ** -400, large: 2 ** 400, up: 2 ** 700, down: 2 ** -700 },
} as const;

/**
 * The norm of all leaves together, by three sums of squares that one pass over the elements gives: of small ones, scaled
 * up, of large ones, scaled down, and of all others (J. Blue, ACM TOMS 4, 1978). Scaling by powers of two is exact, and
 * no square is so small that processors would take many times as long for it.
 */
export function scaledNorm(functionName: string, tree: Tree): ScaledNorm {
  const { leaves } = flattenTensors(functionName, tree, "");
  if (leaves.length === 0) throw new TreeError(functionName, "the tree has no leaves");
  return inNameOf(functionName, () => {
    const dtype = leaves.some((leaf) => leaf.dtype === "float64") ? "float64" : "float32";
    const { small, large, up, down } = ranges[dtype];
    const sums = leaves.map((leaf) => {
      const x = cast(leaf, dtype);
      const size = abs(x);
      const isSmall = less(size, small);
      const isLarge = greater(size, large);
      const number = (value: number): Tensor => numberLike(value, x);
      const factor = where(isSmall, number(up), where(isLarge, number(down), number(1)));
      const squares = square(mul(x, factor));
      return {
        ofSmall: sum(where(isSmall, squares, 0)),
        ofLarge: sum(where(isLarge, squares, 0)),
        // NaN is among these.
        ofOthers: sum(where(logicalOr(isSmall, isLarge), 0, squares)),
      };
    });
    const all = (of: "ofSmall" | "ofLarge" | "ofOthers"): Tensor =>
      sums.map((each) => each[of]).reduce((a, b) => add(a, b));
    const [ofSmall, ofLarge, ofOthers] = [all("ofSmall"), all("ofLarge"), all("ofOthers")];
    const choose = (whenLarge: Tensor, whenSmall: Tensor, otherwise: Tensor): Tensor =>
      where(greater(ofLarge, 0), whenLarge, where(equal(ofOthers, 0), whenSmall, otherwise));
    const number = (value: number): Tensor => numberLike(value, ofOthers);
    // One factor after the other: their product is out of range.
    const scaledDown = (squares: Tensor): Tensor => mul(mul(squares, down), down);
    const total = choose(
      add(ofLarge, scaledDown(ofOthers)),
      ofSmall,
      add(ofOthers, scaledDown(ofSmall)),
    );
    // The root's derivative at 0 is infinite; that of the norm counts as 0 there.
    const isZero = equal(total, 0);
    return {
      scale: choose(number(1 / down), number(1 / up), number(1)),
      ratio: where(isZero, 0, sqrt(where(isZero, 1, total))),
    };
  });
}
