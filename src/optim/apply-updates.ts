import { add } from "../ops/arithmetic.ts";
import { cast } from "../ops/shaping.ts";
import type { Tree } from "../tree/tree.ts";
import { mapTogether } from "./leaves.ts";

/**
 * The parameters plus the updates, in the dtypes of the parameters.
 *
 * @throws {TreeError} if the trees have different structures.
 * @throws {ShapeError} if two leaves that belong together have different shapes.
 * @throws {DTypeError} if a leaf is not float32 or float64.
 *
 * @example
 * ```ts
 * import { applyUpdates, tensor } from "softstep";
 *
 * console.log(applyUpdates({ w: tensor([1, 2]) }, { w: tensor([-1, 1]) }).w.toArray()); // => [ 0, 3 ]
 * ```
 */
export function applyUpdates<P extends Tree>(params: P, updates: P): P {
  const [next] = mapTogether("applyUpdates", 1, { params, updates }, {}, (p, u) => [
    add(p, cast(u!, p.dtype)),
  ]);
  return next as P;
}
