import { OptionError } from "../core/errors.ts";
import { checkBoolean, checkFunction, checkKnown } from "../core/options.ts";
import { describe, describeList } from "../core/value-kinds.ts";
import { onesLike } from "../ops/creation.ts";
import { Tensor } from "../tensor/tensor.ts";
import { mapLeaves } from "../tree/tree.ts";
import {
  checkScalarLoss,
  type Differentiable,
  flattenDifferentiable,
  regroup,
} from "./differentiable.ts";
import { reverse } from "./reverse.ts";

/** Which argument (or arguments) to differentiate by, and whether the function returns more than its loss. */
export interface GradOptions<N extends ArgumentNumbers = ArgumentNumbers> {
  /** Position of the argument, or positions; 0 by default. */
  readonly argnums?: N;
  /** The function returns `[loss, aux]`; aux is any tree, given back as it is. */
  readonly hasAux?: boolean;
}

/** One position among the arguments, or several. */
export type ArgumentNumbers = number | readonly number[];

/** The gradient has the type of the argument, or is a tuple of those of several arguments. */
export type GradientOf<Args extends readonly unknown[], N extends ArgumentNumbers> = N extends
  number ? Args[N]
  : N extends readonly number[] ? { -readonly [I in keyof N]: ArgumentAt<Args, N[I]> }
  : never;

/** The type of the argument at a position. */
export type ArgumentAt<Args extends readonly unknown[], Position> = Position extends number
  ? Args[Position]
  : never;

/** What the gradient functions take: anything that maps its arguments to a scalar. */
export type Loss<Args extends readonly unknown[]> = (...args: Args) => Tensor;
/** The same with something beside the scalar. */
export type LossWithAux<Args extends readonly unknown[], Aux> = (
  ...args: Args
) => readonly [Tensor, Aux];

/**
 * The function that computes the value and the gradient of a scalar function, in one forward and one backward
 * pass. The gradient is a tree like the argument it belongs to (the first one, or those in `argnums`).
 *
 * Values are known while the function runs, so that it may branch on them with plain `if` and `item()`;
 * inside `jit` they are not. Any order: `grad(grad(f))` works.
 *
 * @throws {DifferentiationError} if an argument has integer or bool leaves, or the result is no floating tensor.
 * @throws {ShapeError} if the result is not a scalar.
 * @throws {TreeError} if a leaf of the argument is no tensor.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { mean, square, sub, type Tensor, tensor, valueAndGrad } from "softstep";
 *
 * const loss = (w: Tensor, target: Tensor) => mean(square(sub(w, target)));
 * const [value, gradient] = valueAndGrad(loss)(tensor([1, 2]), tensor([0, 0]));
 * console.log(value.item(), gradient.toArray()); // => 2.5 [ 1, 2 ]
 * ```
 */
export function valueAndGrad<
  Args extends readonly unknown[],
  Aux,
  const N extends ArgumentNumbers = 0,
>(
  f: LossWithAux<Args, Aux>,
  options: GradOptions<N> & { readonly hasAux: true },
): (...args: Args) => [[Tensor, Aux], GradientOf<Args, N>];
/** Without aux. */
export function valueAndGrad<Args extends readonly unknown[], const N extends ArgumentNumbers = 0>(
  f: Loss<Args>,
  options?: GradOptions<N> & { readonly hasAux?: false },
): (...args: Args) => [Tensor, GradientOf<Args, N>];
export function valueAndGrad(
  f: (...args: unknown[]) => unknown,
  options: GradOptions = {},
): (...args: unknown[]) => [unknown, unknown] {
  return differentiate("valueAndGrad", f, options);
}

/**
 * The gradient function of a scalar function; `valueAndGrad` without the value. With `hasAux` it gives
 * `[gradient, aux]`.
 *
 * @throws {DifferentiationError} if an argument has integer or bool leaves, or the result is no floating tensor.
 * @throws {ShapeError} if the result is not a scalar.
 * @throws {TreeError} if a leaf of the argument is no tensor.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { grad, mul, type Tensor, tensor } from "softstep";
 *
 * const cube = (x: Tensor) => mul(x, mul(x, x));
 * console.log(grad(cube)(tensor(2)).item()); // => 12
 * console.log(grad(grad(cube))(tensor(2)).item()); // => 12
 * console.log(grad(grad(grad(cube)))(tensor(2)).item()); // => 6
 * ```
 */
export function grad<Args extends readonly unknown[], Aux, const N extends ArgumentNumbers = 0>(
  f: LossWithAux<Args, Aux>,
  options: GradOptions<N> & { readonly hasAux: true },
): (...args: Args) => [GradientOf<Args, N>, Aux];
/** Without aux. */
export function grad<Args extends readonly unknown[], const N extends ArgumentNumbers = 0>(
  f: Loss<Args>,
  options?: GradOptions<N> & { readonly hasAux?: false },
): (...args: Args) => GradientOf<Args, N>;
export function grad(
  f: (...args: unknown[]) => unknown,
  options: GradOptions = {},
): (...args: unknown[]) => unknown {
  const both = differentiate("grad", f, options);
  const { hasAux } = options;
  return (...args) => {
    const [value, gradient] = both(...args);
    return hasAux ? [gradient, (value as [Tensor, unknown])[1]] : gradient;
  };
}

function differentiate(
  functionName: string,
  f: (...args: unknown[]) => unknown,
  options: GradOptions,
): (...args: unknown[]) => [unknown, unknown] {
  checkFunction(functionName, "f", f);
  checkKnown(functionName, options, ["argnums", "hasAux"]);
  const { argnums = 0, hasAux = false } = options;
  checkBoolean(functionName, "hasAux", hasAux);
  const positions: readonly number[] = typeof argnums === "number" ? [argnums] : argnums;
  const valid = Array.isArray(positions) && positions.length > 0 &&
    positions.every((n) => Number.isInteger(n) && n >= 0) &&
    new Set(positions).size === positions.length;
  if (!valid) {
    throw new OptionError(
      functionName,
      `argnums is ${
        describeList(argnums)
      }; expected different positions of arguments, counted from 0`,
    );
  }
  return (...args) => {
    const parts = positions.map((position): Differentiable => {
      if (position >= args.length) {
        throw new OptionError(
          functionName,
          `argnums names argument ${position}, but ${args.length} were given`,
        );
      }
      return flattenDifferentiable(functionName, args[position], `argument ${position}`);
    });

    let aux: unknown;
    const { outputs: [value], pullback } = reverse(
      functionName,
      parts.flatMap((part) => part.leaves),
      (traced, untrace) => {
        const inner = [...args];
        regroup(parts, traced).forEach((tree, i) => inner[positions[i]!] = tree);
        let loss = f(...inner);
        if (hasAux) {
          if (!Array.isArray(loss) || loss.length !== 2) {
            throw new OptionError(
              functionName,
              `hasAux is set, but the function returned ${describe(loss)}; expected [loss, aux]`,
            );
          }
          aux = mapLeaves(
            functionName,
            loss[1],
            (leaf) => leaf instanceof Tensor ? untrace(leaf) : leaf,
          );
          loss = loss[0];
        }
        checkScalarLoss(functionName, loss);
        return [loss];
      },
    );

    const trees = regroup(parts, pullback([onesLike(value!)]));
    return [hasAux ? [value, aux] : value, typeof argnums === "number" ? trees[0] : trees];
  };
}
