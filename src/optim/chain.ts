import { OptionError, TreeError } from "../core/errors.ts";
import { describe } from "../core/value-kinds.ts";
import type { Tree } from "../tree/tree.ts";
import type { ExtraArgs, GradientTransformation, StateKind, StateOf } from "./transformation.ts";

/** The kind of a chain: its state is the tuple of the states. */
export interface ChainKind<Kinds extends readonly StateKind[]> extends StateKind {
  /** One state a link. */
  readonly state: ChainState<Kinds, this["params"]>;
}

/** The states of the links of a chain, in order. */
export type ChainState<Kinds extends readonly StateKind[], P> = {
  readonly [I in keyof Kinds]: Kinds[I] extends StateKind ? StateOf<Kinds[I], P> : never;
};

/** The transformations that a chain is made of. */
export type Links<Kinds extends readonly StateKind[]> = {
  readonly [I in keyof Kinds]: GradientTransformation<Kinds[I]>;
};

/**
 * Transformations one after the other: the updates of each are the gradients of the next.
 *
 * @throws {OptionError} if an argument is no gradient transformation.
 *
 * @example
 * ```ts
 * import { chain, clipByGlobalNorm, scale, tensor } from "softstep";
 *
 * const transform = chain(clipByGlobalNorm(1), scale(-0.5));
 * const params = { w: tensor([0]) };
 * const [updates] = transform.update({ w: tensor([4]) }, transform.init(params));
 * console.log(updates.w.toArray()); // => [ -0.5 ]
 * ```
 */
export function chain<Kinds extends readonly StateKind[]>(
  ...links: Links<Kinds>
): GradientTransformation<ChainKind<Kinds>> {
  const list = links as readonly GradientTransformation[];
  list.forEach((link, i) => {
    if (typeof link?.init !== "function" || typeof link?.update !== "function") {
      throw new OptionError(
        "chain",
        `argument ${i} is ${describe(link)}; expected a gradient transformation`,
      );
    }
  });
  return {
    init<P extends Tree>(params: P): ChainState<Kinds, P> {
      return list.map((link) => link.init(params)) as unknown as ChainState<Kinds, P>;
    },
    update<P extends Tree>(
      updates: P,
      state: ChainState<Kinds, P>,
      params?: P,
      extra?: ExtraArgs,
    ): [P, ChainState<Kinds, P>] {
      const states = state as unknown as readonly unknown[];
      if (!Array.isArray(state) || states.length !== list.length) {
        throw new TreeError(
          "chain.update",
          `state is ${describe(state)}; expected the ${list.length} states that init gave`,
        );
      }
      let current = updates;
      const next = list.map((link, i) => {
        const [transformed, linkState] = link.update(current, states[i], params, extra);
        current = transformed;
        return linkState;
      });
      return [current, next as unknown as ChainState<Kinds, P>];
    },
  };
}
