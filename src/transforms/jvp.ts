import { TreeError } from "../core/errors.ts";
import { checkFunction } from "../core/options.ts";
import { checkLike } from "../core/shape.ts";
import { describeList } from "../core/value-kinds.ts";
import { zerosLike } from "../ops/creation.ts";
import { checkSameStructure, flattenTensors, type TreeStructure, unflatten } from "../tree/tree.ts";
import { checkNotPromise, flattenDifferentiable, regroup } from "./differentiable.ts";
import { forward } from "./forward.ts";

/**
 * The value of a function and its derivative along a direction: `tangents` are trees like the arguments.
 * Forward mode: one pass, whatever the number of outputs.
 *
 * @throws {DifferentiationError} if an argument has integer or bool leaves.
 * @throws {TreeError} if a leaf is no tensor, or a tangent has another structure than its argument.
 * @throws {ShapeError} if a tangent has another shape than its argument.
 * @throws {DTypeError} if a tangent has another dtype than its argument.
 * @throws {OptionError} if f is no function.
 *
 * @example
 * ```ts
 * import { jvp, square, type Tensor, tensor } from "softstep";
 *
 * const [value, tangent] = jvp((x: Tensor) => square(x), [tensor([1, 2])], [tensor([1, 0.5])]);
 * console.log(value.toArray(), tangent.toArray()); // => [ 1, 4 ] [ 2, 2 ]
 * ```
 */
export function jvp<Args extends readonly unknown[], Result>(
  f: (...args: Args) => Result,
  primals: Args,
  tangents: Args,
): [Result, Result] {
  checkFunction("jvp", "f", f);
  for (const [name, list] of Object.entries({ primals, tangents })) {
    if (Array.isArray(list) && list.length === primals.length) continue;
    throw new TreeError(
      "jvp",
      `${name} is ${describeList(list)}; expected an array of all arguments of the function`,
    );
  }
  const parts = primals.map((primal, i) => {
    const part = flattenDifferentiable("jvp", primal, `argument ${i}`);
    const tangent = flattenTensors("jvp", tangents[i], `tangent ${i}`);
    checkSameStructure("jvp", part.structure, tangent.structure, `argument ${i}`, `tangent ${i}`);
    tangent.leaves.forEach((leaf, k) => checkLike("jvp", leaf, part.leaves[k]!, tangent.paths[k]!));
    return { part, tangent };
  });
  let structure: TreeStructure | undefined;
  const { outputs, tangents: results } = forward(
    "jvp",
    parts.flatMap(({ part }) => part.leaves),
    parts.flatMap(({ tangent }) => tangent.leaves),
    (traced) => {
      const result = f(...regroup(parts.map(({ part }) => part), traced) as unknown as Args);
      checkNotPromise("jvp", result);
      const flat = flattenTensors("jvp", result, "the result");
      structure = flat.structure;
      return flat.leaves;
    },
  );
  const dense = outputs.map((output, i) => results[i] ?? zerosLike(output));
  return [unflatten(structure!, outputs) as Result, unflatten(structure!, dense) as Result];
}
