import { inNameOf } from "../core/in-name-of.ts";
import { checkNumber } from "../core/options.ts";
import { mul } from "../ops/arithmetic.ts";
import type { Tree } from "../tree/tree.ts";
import { mapUpdates } from "./leaves.ts";
import type { EmptyKind, EmptyState, GradientTransformation } from "./transformation.ts";

/**
 * Multiplies all updates by a number.
 *
 * @throws {OptionError} if the factor is no finite number.
 *
 * @example
 * ```ts
 * import { scale, tensor } from "softstep";
 *
 * const [updates] = scale(-2).update(tensor([1, 2]), {});
 * console.log(updates.toArray()); // => [ -2, -4 ]
 * ```
 */
export function scale(factor: number): GradientTransformation<EmptyKind> {
  checkNumber("scale", "factor", factor, Number.isFinite, "a finite number");
  return {
    init: () => ({}),
    update<P extends Tree>(updates: P, state: EmptyState): [P, EmptyState] {
      const scaled = inNameOf(
        "scale.update",
        () => mapUpdates("scale.update", (u) => mul(u, factor), updates),
      );
      return [scaled as P, state];
    },
  };
}
