import type { Tree } from "../tree/tree.ts";
import type { EmptyKind, EmptyState, GradientTransformation } from "./transformation.ts";

/**
 * Changes nothing: holds the place of an optional link in a chain.
 *
 * @example
 * ```ts
 * import { identity, tensor } from "softstep";
 *
 * console.log(identity().update(tensor([1, 2]), {})[0].toArray()); // => [ 1, 2 ]
 * ```
 */
export function identity(): GradientTransformation<EmptyKind> {
  return {
    init: () => ({}),
    update<P extends Tree>(updates: P, state: EmptyState): [P, EmptyState] {
      return [updates, state];
    },
  };
}
