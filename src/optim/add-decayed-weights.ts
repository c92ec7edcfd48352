import { TreeError } from "../core/errors.ts";
import { checkKnown } from "../core/options.ts";
import { describe } from "../core/value-kinds.ts";
import { add, mul } from "../ops/arithmetic.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkSameStructure, flatten, type Tree } from "../tree/tree.ts";
import { checkParams, mapTogether } from "./leaves.ts";
import { checkNonNegative } from "./options.ts";
import type { EmptyKind, EmptyState, GradientTransformation } from "./transformation.ts";

/** Which leaves take part: a tree of booleans like the parameters, or a function that makes one. */
export type Mask = Tree<boolean> | ((params: Tree) => Tree<boolean>);

/**
 * Adds `weightDecay` times the parameters to the updates (decoupled weight decay; I. Loshchilov, F. Hutter,
 * arXiv 1711.05101): placed after the direction and before the learning rate.
 *
 * @throws {OptionError} if the decay is not a number >= 0, or `update` is called without params.
 * @throws {TreeError} if the mask has another structure than the parameters, or a leaf that is no boolean.
 *
 * @example
 * ```ts
 * import { addDecayedWeights, tensor } from "softstep";
 *
 * const transform = addDecayedWeights(0.5, { mask: { w: true, b: false } });
 * const params = { w: tensor(2), b: tensor(2) };
 * const [updates] = transform.update({ w: tensor(0), b: tensor(0) }, {}, params);
 * console.log(updates.w.item(), updates.b.item()); // => 1 0
 * ```
 */
export function addDecayedWeights(
  weightDecay: number,
  options: { readonly mask?: Mask } = {},
): GradientTransformation<EmptyKind> {
  checkNonNegative("addDecayedWeights", "weightDecay", weightDecay);
  checkKnown("addDecayedWeights", options, ["mask"]);
  const { mask } = options;
  return {
    init: () => ({}),
    update<P extends Tree>(updates: P, state: EmptyState, params?: P): [P, EmptyState] {
      checkParams("addDecayedWeights.update", params);
      const decays = mask === undefined ? undefined : readMask("addDecayedWeights", mask, params);
      let index = 0;
      const [decayed] = mapTogether(
        "addDecayedWeights.update",
        1,
        { updates, params },
        {},
        (u, p) => {
          const takesPart = decays?.[index++] ?? true;
          return [takesPart ? add(u, mul(p as Tensor, weightDecay)) : u];
        },
      );
      return [decayed as P, state];
    },
  };
}

/** The booleans of a mask in the order of the leaves of the parameters. */
export function readMask(functionName: string, mask: Mask, params: unknown): boolean[] {
  const tree = typeof mask === "function" ? mask(params as Tree) : mask;
  const flat = flatten(functionName, tree, "mask");
  flat.leaves.forEach((leaf, i) => {
    if (typeof leaf === "boolean") return;
    throw new TreeError(
      functionName,
      `${flat.paths[i]} is ${describe(leaf)}; expected true or false`,
    );
  });
  checkSameStructure(
    functionName,
    flatten(functionName, params).structure,
    flat.structure,
    "params",
    "mask",
  );
  return flat.leaves as boolean[];
}
