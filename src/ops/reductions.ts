import { isFloating } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkBoolean, checkKnown } from "../core/options.ts";
import { formatShape, normalizeAxes, normalizeAxis, sizeOf, withoutAxes } from "../core/shape.ts";
import {
  add,
  argMax as argMaxPrimitive,
  cast,
  cumSum as cumSumPrimitive,
  div,
  exp,
  isFinite,
  log,
  mul,
  neg,
  numberLike,
  reduceMax,
  reduceMin,
  reduceSum,
  reshape,
  select,
  stopGradient,
  sub,
} from "../primitives/mod.ts";
import type { ReduceOptions, Tensor } from "../tensor/tensor.ts";
import { checkTensor, promoteFloating, promoteNumbers } from "./promote.ts";

/** Checks what a reduction is given, and runs it; leaves the reduced axes with extent 1 if that was asked for. */
function reduction(
  functionName: string,
  x: Tensor,
  options: ReduceOptions,
  reduce: (axes: number[]) => Tensor,
): Tensor {
  checkTensor(functionName, x);
  checkKnown(functionName, options, ["axis", "keepDims"]);
  const { axis, keepDims = false } = options;
  checkBoolean(functionName, "keepDims", keepDims);
  const axes = normalizeAxes(functionName, axis, x.rank);
  return inNameOf(functionName, () => {
    const result = reduce(axes);
    if (!keepDims) return result;
    return reshape(result, x.shape.map((extent, axis) => axes.includes(axis) ? 1 : extent));
  });
}

/**
 * The sum along axes (all by default). bool counts as int32.
 *
 * @throws {ShapeError} if an axis is out of range.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { sum, tensor } from "softstep";
 *
 * const x = tensor([[1, 2], [3, 4]]);
 * console.log(sum(x).item(), sum(x, { axis: 0 }).toArray()); // => 10 [ 4, 6 ]
 * ```
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("sum", x, options, (axes) => reduceSum(promoteNumbers("sum", x)[0]!, axes));
}

/**
 * The mean along axes (all by default); NaN over nothing. Integers and bool count as float32.
 *
 * @throws {ShapeError} if an axis is out of range.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { mean, tensor } from "softstep";
 *
 * console.log(mean(tensor([[1, 2], [3, 4]]), { axis: 1 }).toArray()); // => [ 1.5, 3.5 ]
 * ```
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("mean", x, options, (axes) => {
    const total = reduceSum(promoteFloating("mean", x)[0]!, axes);
    const count = sizeOf(axes.map((axis) => x.shape[axis]!));
    return div(total, numberLike(count, total));
  });
}

/**
 * The mean squared distance from the mean along axes (all by default), divided by the count, not by one less.
 *
 * @throws {ShapeError} if an axis is out of range.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { tensor, variance } from "softstep";
 *
 * console.log(variance(tensor([1, 3])).item()); // => 1
 * ```
 */
export function variance(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("variance", x, options, (axis) => {
    const [value] = promoteFloating("variance", x);
    const centered = sub(value!, mean(value!, { axis, keepDims: true }));
    return mean(mul(centered, centered), { axis });
  });
}

function refuseEmpty(functionName: string, x: Tensor, axes: number[]): void {
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(functionName, `${formatShape(x.shape)} has no elements to choose from`);
  }
}

/**
 * The largest element along axes (all by default); NaN if one is NaN. Elements that tie share the derivative.
 *
 * @throws {ShapeError} if an axis is out of range, or there is nothing to choose from.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { max, tensor } from "softstep";
 *
 * console.log(max(tensor([[1, 5], [3, 4]]), { axis: 1 }).toArray()); // => [ 5, 4 ]
 * ```
 */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("max", x, options, (axes) => {
    refuseEmpty("max", x, axes);
    return reduceMax(promoteNumbers("max", x)[0]!, axes);
  });
}

/**
 * The smallest element along axes (all by default); NaN if one is NaN. Elements that tie share the derivative.
 *
 * @throws {ShapeError} if an axis is out of range, or there is nothing to choose from.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { min, tensor } from "softstep";
 *
 * console.log(min(tensor([[1, 5], [3, 4]]), { axis: 1 }).toArray()); // => [ 1, 3 ]
 * ```
 */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("min", x, options, (axes) => {
    refuseEmpty("min", x, axes);
    return reduceMin(promoteNumbers("min", x)[0]!, axes);
  });
}

/**
 * The index of the largest element along an axis, as int32: the first one where several are equal, the first
 * NaN where there is one.
 *
 * @throws {ShapeError} if the axis is out of range or has no elements.
 *
 * @example
 * ```ts
 * import { argMax, tensor } from "softstep";
 *
 * console.log(argMax(tensor([[1, 5], [4, 3]]), 1).toArray()); // => [ 1, 0 ]
 * ```
 */
export function argMax(x: Tensor, axis = -1): Tensor {
  checkTensor("argMax", x);
  const [value] = promoteNumbers("argMax", x);
  return argMaxPrimitive(value!, normalizeAxis("argMax", axis, x.rank));
}

/**
 * The index of the smallest element along an axis, as int32: the first one where several are equal, the first
 * NaN where there is one.
 *
 * @throws {ShapeError} if the axis is out of range or has no elements.
 *
 * @example
 * ```ts
 * import { argMin, tensor } from "softstep";
 *
 * console.log(argMin(tensor([[1, 5], [4, 3]]), 1).toArray()); // => [ 0, 1 ]
 * ```
 */
export function argMin(x: Tensor, axis = -1): Tensor {
  checkTensor("argMin", x);
  const [value] = promoteNumbers("argMin", x);
  return inNameOf("argMin", () => {
    // Complementing reverses the order of integers without overflow; negating would not.
    const reversed = isFloating(value!.dtype)
      ? neg(value!)
      : sub(numberLike(value!.dtype === "int32" ? -1 : 0xffffffff, value!), value!);
    return argMaxPrimitive(reversed, normalizeAxis("argMin", axis, x.rank));
  });
}

/**
 * The running sum along an axis.
 *
 * @throws {ShapeError} if the axis is out of range.
 *
 * @example
 * ```ts
 * import { cumSum, tensor } from "softstep";
 *
 * console.log(cumSum(tensor([1, 2, 3])).toArray()); // => [ 1, 3, 6 ]
 * ```
 */
export function cumSum(x: Tensor, axis = -1): Tensor {
  checkTensor("cumSum", x);
  const [value] = promoteNumbers("cumSum", x);
  return cumSumPrimitive(value!, normalizeAxis("cumSum", axis, x.rank), false);
}

/**
 * log(sum(exp(x))) along axes (all by default), without overflow; -Infinity where all elements are.
 *
 * @throws {ShapeError} if an axis is out of range, or there is nothing to sum.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { logSumExp, tensor } from "softstep";
 *
 * console.log(logSumExp(tensor([1000, 1000])).item()); // => 1000.6931762695312
 * ```
 */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("logSumExp", x, options, (axis) => {
    refuseEmpty("logSumExp", x, axis);
    const [value] = promoteFloating("logSumExp", x);
    const kept = { axis, keepDims: true };
    const largest = stopGradient(max(value!, kept));
    // An infinite maximum would give Infinity - Infinity.
    const shift = select(isFinite(largest), largest, numberLike(0, largest));
    const total = sum(exp(sub(value!, shift)), kept);
    const result = add(log(total), shift);
    return options.keepDims ? result : reshape(result, withoutAxes(x.shape, axis));
  });
}

/**
 * Whether all elements along axes (all by default) are true, as bool.
 *
 * @throws {ShapeError} if an axis is out of range.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { all, tensor } from "softstep";
 *
 * console.log(all(tensor([true, false])).item()); // => 0
 * ```
 */
export function all(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("all", x, options, (axes) => {
    const asNumbers = cast(cast(x, "bool"), "int32");
    return cast(reduceMin(asNumbers, axes), "bool");
  });
}

/**
 * Whether any element along axes (all by default) is true, as bool.
 *
 * @throws {ShapeError} if an axis is out of range.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { any, tensor } from "softstep";
 *
 * console.log(any(tensor([true, false])).item()); // => 1
 * ```
 */
export function any(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction("any", x, options, (axes) => {
    const asNumbers = cast(cast(x, "bool"), "uint32");
    return cast(reduceMax(asNumbers, axes), "bool");
  });
}
