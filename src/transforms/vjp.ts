import { checkFunction } from "../core/options.ts";
import { checkLike } from "../core/shape.ts";
import { checkSameStructure, flattenTensors, type TreeStructure, unflatten } from "../tree/tree.ts";
import { checkNotPromise, flattenDifferentiable, regroup } from "./differentiable.ts";
import { reverse } from "./reverse.ts";

/**
 * The value of a function of any trees, and its pullback: the map from a cotangent (a tree like the result)
 * to the cotangents of all arguments. The pullback can be called any number of times.
 *
 * @throws {DifferentiationError} if an argument has integer or bool leaves.
 * @throws {TreeError} if a leaf is no tensor, or the cotangent has another structure than the result.
 * @throws {ShapeError} if a cotangent has another shape than its result.
 * @throws {DTypeError} if a cotangent has another dtype than its result.
 * @throws {OptionError} if f is no function.
 *
 * @example
 * ```ts
 * import { mul, type Tensor, tensor, vjp } from "softstep";
 *
 * const [value, pullback] = vjp((a: Tensor, b: Tensor) => mul(a, b), tensor([1, 2]), tensor([3, 4]));
 * const [da, db] = pullback(tensor([1, 10]));
 * console.log(value.toArray(), da.toArray(), db.toArray()); // => [ 3, 8 ] [ 3, 40 ] [ 1, 20 ]
 * ```
 */
export function vjp<Args extends readonly unknown[], Result>(
  f: (...args: Args) => Result,
  ...args: Args
): [Result, (cotangent: Result) => Args] {
  checkFunction("vjp", "f", f);
  const parts = args.map((argument, i) => flattenDifferentiable("vjp", argument, `argument ${i}`));
  let structure: TreeStructure | undefined;
  const { outputs, pullback } = reverse("vjp", parts.flatMap((part) => part.leaves), (traced) => {
    const result = f(...regroup(parts, traced) as unknown as Args);
    checkNotPromise("vjp", result);
    const flat = flattenTensors("vjp", result, "the result");
    structure = flat.structure;
    return flat.leaves;
  });
  const value = unflatten(structure!, outputs) as Result;

  return [value, (cotangent) => {
    const flat = flattenTensors("vjp", cotangent, "the cotangent");
    checkSameStructure("vjp", structure!, flat.structure, "the result", "the cotangent");
    flat.leaves.forEach((leaf, i) => checkLike("vjp", leaf, outputs[i]!, flat.paths[i]!));
    return regroup(parts, pullback(flat.leaves)) as unknown as Args;
  }];
}
