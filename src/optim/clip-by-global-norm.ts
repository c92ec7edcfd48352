import { inNameOf } from "../core/in-name-of.ts";
import { checkNumber } from "../core/options.ts";
import { div, mul } from "../ops/arithmetic.ts";
import { less } from "../ops/comparison.ts";
import { where } from "../ops/logical.ts";
import { cast } from "../ops/shaping.ts";
import type { Tree } from "../tree/tree.ts";
import { scaledNorm } from "./global-norm.ts";
import { mapUpdates } from "./leaves.ts";
import type { EmptyKind, EmptyState, GradientTransformation } from "./transformation.ts";

/**
 * Scales all updates so that their global norm is at most `maxNorm` (R. Pascanu et al., arXiv 1211.5063);
 * smaller ones are left as they are. A NaN makes all updates NaN; an infinite update stays visible as NaN.
 *
 * @throws {OptionError} if the norm is not a number > 0.
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm, tensor } from "softstep";
 *
 * const [updates] = clipByGlobalNorm(1).update(tensor([30, 40]), {});
 * console.log(updates.toString()); // => Tensor float32[2] [0.6, 0.8]
 * ```
 */
export function clipByGlobalNorm(maxNorm: number): GradientTransformation<EmptyKind> {
  checkNumber("clipByGlobalNorm", "maxNorm", maxNorm, (n) => n > 0, "a number > 0");
  return {
    init: () => ({}),
    update<P extends Tree>(updates: P, state: EmptyState): [P, EmptyState] {
      const { scale, ratio } = scaledNorm("clipByGlobalNorm.update", updates);
      const clipped = inNameOf("clipByGlobalNorm.update", () => {
        const isSmall = less(mul(scale, ratio), maxNorm);
        // A quotient that is not taken has a derivative all the same, which 0 would make NaN.
        const divisor = where(isSmall, 1, ratio);
        return mapUpdates("clipByGlobalNorm.update", (u) => {
          // One after the other: their product may be out of range.
          const unit = div(div(u, cast(scale, u.dtype)), cast(divisor, u.dtype));
          return where(isSmall, u, mul(unit, maxNorm));
        }, updates);
      });
      return [clipped as P, state];
    },
  };
}
