import { checkFunction } from "../core/options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkSameStructure, flattenTensors, type MapLeaves, unflatten } from "./tree.ts";

/**
 * Applies a function to every leaf of a tree of tensors (with the leaves at the same place of further trees
 * of the same structure) and gives the results as a tree of that structure.
 *
 * @throws {TreeError} if a leaf is no tensor, or the structures differ; the message names the path.
 * @throws {OptionError} if f is no function.
 *
 * @example
 * ```ts
 * import { mul, tensor, treeMap } from "softstep";
 *
 * const params = { w: tensor([1, 2]), b: tensor(3) };
 * const doubled = treeMap((x) => mul(x, 2), params);
 * console.log(doubled.w.toArray(), doubled.b.item()); // => [ 2, 4 ] 6
 * ```
 */
export function treeMap<T, Result = Tensor>(
  f: (leaf: Tensor, ...others: Tensor[]) => Result,
  tree: T,
  ...others: readonly T[]
): MapLeaves<T, Result> {
  checkFunction("treeMap", "f", f);
  return mapTensors("treeMap", f, tree, ...others) as MapLeaves<T, Result>;
}

/** `treeMap` under another name in messages; the caller knows the type of the result. */
export function mapTensors(
  functionName: string,
  f: (leaf: Tensor, ...others: Tensor[]) => unknown,
  tree: unknown,
  ...others: readonly unknown[]
): unknown {
  const first = flattenTensors(functionName, tree, "");
  const rest = others.map((other, i) => {
    const flat = flattenTensors(functionName, other, "");
    checkSameStructure(functionName, first.structure, flat.structure, "tree 1", `tree ${i + 2}`);
    return flat.leaves;
  });
  const results = first.leaves.map((leaf, i) => f(leaf, ...rest.map((leaves) => leaves[i]!)));
  return unflatten(first.structure, results);
}

/**
 * The leaves of a tree, in its order (object keys sorted).
 *
 * @throws {TreeError} if a leaf is no tensor.
 *
 * @example
 * ```ts
 * import { tensor, treeLeaves } from "softstep";
 *
 * console.log(treeLeaves({ b: tensor(2), a: [tensor(1)] }).map((x) => x.item())); // => [ 1, 2 ]
 * ```
 */
export function treeLeaves(tree: unknown): Tensor[] {
  return flattenTensors("treeLeaves", tree, "").leaves;
}

/**
 * The leaves of a tree with their paths.
 *
 * @throws {TreeError} if a leaf is no tensor.
 *
 * @example
 * ```ts
 * import { tensor, treePaths } from "softstep";
 *
 * console.log(treePaths({ layers: [{ w: tensor(1) }] })); // => [ ".layers[0].w" ]
 * ```
 */
export function treePaths(tree: unknown): string[] {
  return flattenTensors("treePaths", tree, "").paths;
}
