import { TreeError } from "../core/errors.ts";
import { checkFunction, checkKnown } from "../core/options.ts";
import { checkLike } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import { Tensor } from "../tensor/tensor.ts";
import { callCustom } from "../tracing/call-custom.ts";
import { type Cotangent, flattenCotangents } from "../tracing/cotangents.ts";
import type { CustomForward } from "../tracing/custom-call.ts";
import { checkSameStructure, flatten, flattenTensors, unflatten } from "../tree/tree.ts";
import { checkNotPromise, regroup } from "./differentiable.ts";

/** The reverse derivative of a function, as its author has it. */
export interface VjpRule<Args extends readonly unknown[], Result, Residuals> {
  /**
   * The function once more, with what `backward` needs: `[result, residuals]`. Residuals are any tree; tensors in it
   * are kept until the gradient is taken.
   */
  readonly forward: (...args: Args) => readonly [Result, Residuals];
  /**
   * The cotangent of each argument in an array, given that of the result. null, for a tensor or for a whole argument,
   * means zero.
   */
  readonly backward: (residuals: Residuals, cotangent: Result) => Cotangents<Args>;
}

/** The cotangents of all arguments: an array of trees like them, in which null means zero. */
export type Cotangents<Args extends readonly unknown[]> = {
  readonly [Position in keyof Args]: Cotangent<Args[Position]>;
};

/**
 * Gives a function a reverse derivative of its own, in place of the one that would follow from the operations in it:
 * for a more exact or cheaper formula, or for a gradient that is none (straight-through estimators, clipping).
 *
 * Arguments and the result are trees of tensors; numbers, strings and other tensors are closed over. It works under
 * `grad`, `valueAndGrad`, `vjp`, `vmap` and `jit`. Derivatives of higher order differentiate `backward` (and the
 * residuals, by `forward`), while the value keeps its rule. `jvp` cannot use the rule.
 *
 * @param f The function.
 * @param rule `forward`, which gives the result with residuals, and `backward`, which takes those and a cotangent.
 * @throws {TreeError} if an argument or the result holds a leaf that is no tensor, if `forward` gives another
 * structure than `f`, or `backward` another one than the arguments.
 * @throws {ShapeError} if a cotangent from `backward` has another shape than its argument.
 * @throws {DTypeError} if a cotangent from `backward` has another dtype than its argument.
 * @throws {DifferentiationError} if one of the functions closes over a tensor that a surrounding transformation
 * traces (its gradient would be lost: pass it as an argument), or if `jvp` asks for the tangent of the result.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { customVjp, grad, round, sum, type Tensor, tensor } from "softstep";
 *
 * // Rounds, and pretends not to when it is differentiated.
 * const straightThrough = customVjp((x: Tensor) => round(x), {
 *   forward: (x) => [round(x), null],
 *   backward: (_, cotangent) => [cotangent],
 * });
 * const loss = (x: Tensor) => sum(straightThrough(x).mul(3));
 * console.log(straightThrough(tensor([0.2, 0.7])).toArray()); // => [ 0, 1 ]
 * console.log(grad(loss)(tensor([0.2, 0.7])).toArray()); // => [ 3, 3 ]
 * ```
 */
export function customVjp<Args extends readonly unknown[], Result, const Residuals>(
  f: (...args: Args) => Result,
  rule: VjpRule<Args, Result, Residuals>,
): (...args: Args) => Result {
  checkFunction("customVjp", "f", f);
  checkKnown("customVjp", rule, ["forward", "backward"]);
  checkFunction("customVjp", "forward", rule.forward);
  checkFunction("customVjp", "backward", rule.backward);
  const name = f.name || "the function";

  return (...args) => {
    const parts = args.map((argument, i) => flattenTensors("customVjp", argument, `argument ${i}`));
    let known: ReturnType<typeof flattenTensors> | undefined;

    /** The leaves of a result, which is the same tree whoever computes it. */
    function leavesOf(result: unknown): Tensor[] {
      checkNotPromise("customVjp", result);
      const flat = flattenTensors("customVjp", result, "the result");
      if (known !== undefined) {
        const [one, other] = [`one result of ${name}`, "the other (of f and forward)"];
        checkSameStructure("customVjp", known.structure, flat.structure, one, other);
        flat.leaves.forEach((leaf, i) =>
          checkLike("customVjp", leaf, known!.leaves[i]!, flat.paths[i]!)
        );
      }
      known = flat;
      return flat.leaves;
    }

    function forward(operands: readonly Tensor[]): CustomForward {
      const pair: unknown = rule.forward(...regroup(parts, operands) as unknown as Args);
      checkNotPromise("customVjp", pair);
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new TreeError(
          "customVjp",
          `forward of ${name} returned ${describe(pair)}; expected [result, residuals]`,
        );
      }
      const outputs = leavesOf(pair[0]);
      const { structure } = known!;
      const saved = flatten("customVjp", pair[1]);
      return {
        outputs,
        residuals: saved.leaves.filter((leaf) => leaf instanceof Tensor),
        backward(residuals, cotangents) {
          let next = 0;
          const leaves = saved.leaves.map((leaf) =>
            leaf instanceof Tensor ? residuals[next++] : leaf
          );
          const given: unknown = rule.backward(
            unflatten(saved.structure, leaves) as Residuals,
            unflatten(structure, cotangents) as Result,
          );
          checkNotPromise("customVjp", given);
          return flattenCotangents("customVjp", `backward of ${name}`, "argument", given, parts);
        },
      };
    }

    const apply = (operands: readonly Tensor[]) =>
      leavesOf(f(...regroup(parts, operands) as unknown as Args));
    const outputs = callCustom(
      { functionName: "customVjp", name, apply, forward },
      parts.flatMap(({ leaves }) => leaves),
    );
    return unflatten(known!.structure, outputs) as Result;
  };
}
