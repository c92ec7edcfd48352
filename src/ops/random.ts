import { checkDType, type DType, isFloating } from "../core/dtype.ts";
import { DTypeError, OptionError, ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkCount, checkKnown } from "../core/options.ts";
import {
  broadcastShapes,
  checkShape,
  formatShape,
  formatSpec,
  sameShape,
  type Shape,
  sizeOf,
} from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import {
  add,
  argMax,
  bitcast,
  broadcastTo,
  cast,
  concat,
  iota,
  less,
  lessEqual,
  log,
  max,
  mul,
  neg,
  numberLike,
  or,
  rem,
  reshape,
  select,
  shiftRight,
  slice,
  sub,
  threefry2x32,
  xor,
} from "../primitives/mod.ts";
import type { Tensor, TensorLike } from "../tensor/tensor.ts";
import { type CreationOptions, tensor } from "./creation.ts";
import { erfInv } from "./erf-inv.ts";
import { placedLike } from "../tracing/placement.ts";
import { checkTensor, promoteFloating, toTensor } from "./promote.ts";

/**
 * Randomness is explicit: every function takes a key, and the same key gives the same numbers, on every
 * device and runtime. Threefry-2x32 as JAX uses it (`jax_threefry_partitionable`, its default): the same key
 * gives JAX's bits.
 */

function checkKey(functionName: string, key: Tensor): void {
  checkTensor(functionName, key);
  if (key.dtype !== "uint32" || key.rank !== 1 || key.shape[0] !== 2) {
    throw new ShapeError(
      functionName,
      `${formatSpec(key)} is no key; expected uint32[2] from key(seed) or split(key)`,
    );
  }
}

/**
 * A key from a seed: the two words [0, seed].
 *
 * @throws {OptionError} if the seed is not a whole number from -2^31 to 2^32 - 1, or an option is unknown.
 * @throws {DeviceError} if there is no such device.
 *
 * @example
 * ```ts
 * import { key } from "softstep";
 *
 * console.log(key(42).toArray()); // => [ 0, 42 ]
 * ```
 */
export function key(seed: number, options: Pick<CreationOptions, "device"> = {}): Tensor {
  if (!Number.isInteger(seed) || seed < -(2 ** 31) || seed >= 2 ** 32) {
    throw new OptionError(
      "key",
      `seed is ${describe(seed)}; expected a whole number from -2^31 to 2^32 - 1`,
    );
  }
  checkKnown("key", options, ["device"]);
  return inNameOf("key", () => tensor([0, seed >>> 0], { ...options, dtype: "uint32" }));
}

/** Counters 0, 1, ... as pairs of words [0, i], shaped [...shape, 2], beside a key. */
function counters(from: Tensor, shape: Shape): Tensor {
  const count = sizeOf(shape);
  const low = reshape(iota([count], "uint32", 0, from), [count, 1]);
  return reshape(concat([mul(low, numberLike(0, low)), low], 1), [...shape, 2]);
}

/** One of the two words of every pair. */
function word(pairs: Tensor, index: 0 | 1): Tensor {
  const start = pairs.shape.map((_, axis) => axis === pairs.rank - 1 ? index : 0);
  const limit = pairs.shape.map((extent, axis) => axis === pairs.rank - 1 ? index + 1 : extent);
  return reshape(slice(pairs, start, limit), pairs.shape.slice(0, -1));
}

/**
 * New keys from one, as a tensor uint32[count, 2], or unpacked by `splitKeys`. Use a key once: for a second
 * draw split it first.
 *
 * @throws {ShapeError} if `from` is no key.
 * @throws {OptionError} if the count is not a whole number >= 0.
 *
 * @example
 * ```ts
 * import { key, split } from "softstep";
 *
 * console.log(split(key(0), 3).shape); // => [ 3, 2 ]
 * ```
 */
export function split(from: Tensor, count = 2): Tensor {
  checkKey("split", from);
  checkCount("split", "count", count);
  return inNameOf("split", () => threefry2x32(from, counters(from, [count])));
}

/**
 * `split` as a list of keys.
 *
 * @throws {ShapeError} if `from` is no key.
 * @throws {OptionError} if the count is not a whole number >= 0.
 *
 * @example
 * ```ts
 * import { key, normal, splitKeys } from "softstep";
 *
 * const [forWeights, forBias] = splitKeys(key(0), 2);
 * console.log(normal(forWeights, [3, 2]).shape, normal(forBias, [2]).shape); // => [ 3, 2 ] [ 2 ]
 * ```
 */
export function splitKeys<const Count extends number>(from: Tensor, count: Count): KeyList<Count> {
  checkCount("splitKeys", "count", count);
  return inNameOf("splitKeys", () => {
    const all = split(from, count);
    return Array.from(
      { length: count },
      (_, i) => reshape(slice(all, [i, 0], [i + 1, 2]), [2]),
    ) as KeyList<Count>;
  });
}

/** As many keys as were asked for: a tuple where the count is known. */
export type KeyList<Count extends number> = number extends Count ? Tensor[]
  : TensorTuple<Count>;

/** A tuple of tensors, up to 32; an array beyond. */
export type TensorTuple<Count extends number, List extends Tensor[] = []> = List["length"] extends
  Count ? List
  : List["length"] extends 32 ? Tensor[]
  : TensorTuple<Count, [...List, Tensor]>;

/**
 * A new key from a key and a number, for example a step or a layer.
 *
 * @throws {ShapeError} if `from` is no key, or the data is no scalar.
 * @throws {DTypeError} if the data is not a whole number from 0 to 2^32 - 1.
 *
 * @example
 * ```ts
 * import { foldIn, key } from "softstep";
 *
 * console.log(foldIn(key(0), 7).shape); // => [ 2 ]
 * ```
 */
export function foldIn(from: Tensor, data: TensorLike): Tensor {
  checkKey("foldIn", from);
  const low = placedLike(toTensor("foldIn", data, "uint32"), from);
  if (low.dtype !== "uint32" && low.dtype !== "int32") {
    throw new DTypeError(
      "foldIn",
      `data is ${formatSpec(low)}; expected a whole number or a uint32 scalar`,
    );
  }
  if (low.rank !== 0) {
    throw new ShapeError("foldIn", `data is ${formatSpec(low)}; expected a scalar`);
  }
  return inNameOf("foldIn", () => {
    const column = reshape(cast(low, "uint32"), [1]);
    return threefry2x32(from, concat([mul(column, numberLike(0, column)), column], 0));
  });
}

/**
 * Uniform random bits, uint32.
 *
 * @throws {ShapeError} if `from` is no key, or the shape is none.
 *
 * @example
 * ```ts
 * import { key, randomBits } from "softstep";
 *
 * console.log(randomBits(key(0), [2]).toArray()); // => [ 4070199207, 4202968722 ]
 * ```
 */
export function randomBits(from: Tensor, shape: Shape): Tensor {
  return inNameOf("randomBits", () => drawBits("randomBits", from, shape));
}

function drawBits(functionName: string, from: Tensor, shape: Shape): Tensor {
  const pairs = drawPairs(functionName, from, shape);
  return xor(word(pairs, 0), word(pairs, 1));
}

/** Two words for every element. */
function drawPairs(functionName: string, from: Tensor, shape: Shape): Tensor {
  checkKey(functionName, from);
  checkShape(functionName, shape);
  return threefry2x32(from, counters(from, shape));
}

/** What random numbers are wanted. */
export interface UniformOptions {
  /** Inclusive; 0 by default. */
  readonly low?: TensorLike;
  /** Exclusive; 1 by default. */
  readonly high?: TensorLike;
  /** float32 (the default) or float64. */
  readonly dtype?: DType;
}

/** Uniform in [0, 1): random mantissa bits under the exponent of 1, less 1. */
function unitInterval(functionName: string, from: Tensor, shape: Shape, dtype: DType): Tensor {
  if (dtype === "float32") {
    const bits = drawBits(functionName, from, shape);
    const mantissa = shiftRight(bits, numberLike(9, bits));
    const ones = bitcast(or(mantissa, numberLike(0x3f800000, bits)), "float32");
    return sub(ones, numberLike(1, ones));
  }
  if (dtype === "float64") {
    // The upper 52 of 64 bits: all of the first word and 20 of the second.
    const pairs = drawPairs(functionName, from, shape);
    const second = word(pairs, 1);
    const high = cast(word(pairs, 0), "float64");
    const low = cast(shiftRight(second, numberLike(12, second)), "float64");
    return add(mul(high, numberLike(2 ** -32, high)), mul(low, numberLike(2 ** -52, low)));
  }
  checkDType(functionName, dtype);
  throw new DTypeError(functionName, `cannot draw ${dtype}; expected float32 or float64`);
}

/**
 * Uniform random numbers from `low` (inclusive) to `high` (exclusive); both may be tensors that broadcast.
 *
 * @throws {ShapeError} if `from` is no key, or the shape is none.
 * @throws {DTypeError} if the dtype is not float32 or float64.
 * @throws {OptionError} if `low` and `high` are numbers and not low < high, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, uniform } from "softstep";
 *
 * console.log(uniform(key(0), [2]).toArray()); // => [ 0.9476670026779175, 0.9785798788070679 ]
 * ```
 */
export function uniform(from: Tensor, shape: Shape, options: UniformOptions = {}): Tensor {
  checkKnown("uniform", options, ["low", "high", "dtype"]);
  return inNameOf("uniform", () => drawUniform("uniform", from, shape, options));
}

function drawUniform(
  functionName: string,
  from: Tensor,
  shape: Shape,
  { low = 0, high = 1, dtype = "float32" }: UniformOptions,
): Tensor {
  if (typeof low === "number" && typeof high === "number" && !(low < high)) {
    throw new OptionError(
      functionName,
      `the range ${low} to ${high} is empty; expected low < high`,
    );
  }
  const unit = unitInterval(functionName, from, shape, dtype);
  if (low === 0 && high === 1) return unit;
  const bound = (x: TensorLike): Tensor =>
    typeof x === "number"
      ? numberLike(x, unit)
      : cast(placedLike(toTensor(functionName, x), unit), dtype);
  const [least, most] = [bound(low), bound(high)];
  const scaled = max(least, add(mul(unit, sub(most, least)), least));
  // What rounds up to the excluded end goes to the other one, to which only half as much rounds as to any
  // number between.
  return select(lessEqual(most, scaled), least, scaled);
}

/**
 * Random numbers of the standard normal distribution: sqrt(2) erfInv(u), u uniform in (-1, 1).
 *
 * @throws {ShapeError} if `from` is no key, or the shape is none.
 * @throws {DTypeError} if the dtype is not float32 or float64.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { key, mul, normal } from "softstep";
 *
 * const weights = mul(normal(key(0), [128, 64]), 0.02);
 * console.log(weights.shape); // => [ 128, 64 ]
 * ```
 */
export function normal(
  from: Tensor,
  shape: Shape,
  options: { readonly dtype?: DType } = {},
): Tensor {
  checkKnown("normal", options, ["dtype"]);
  const { dtype = "float32" } = options;
  // The smallest number above -1, so that neither end is reached.
  const low = dtype === "float64" ? -1 + 2 ** -53 : -1 + 2 ** -24;
  return inNameOf("normal", () => {
    const u = drawUniform("normal", from, shape, { low, high: 1, dtype });
    return mul(erfInv(u), numberLike(Math.SQRT2, u));
  });
}

/**
 * Random int32 from `low` (inclusive) to `high` (exclusive).
 *
 * @throws {ShapeError} if `from` is no key, or the shape is none.
 * @throws {OptionError} if `low` or `high` is no int32, or not low < high.
 *
 * @example
 * ```ts
 * import { key, less, all, randint } from "softstep";
 *
 * console.log(all(less(randint(key(0), [100], 0, 10), 10)).item()); // => 1
 * ```
 */
export function randint(from: Tensor, shape: Shape, low: number, high: number): Tensor {
  for (const bound of [low, high]) {
    if (!Number.isInteger(bound) || bound < -(2 ** 31) || bound > 2 ** 31 - 1) {
      throw new OptionError("randint", `bound ${describe(bound)} is no int32`);
    }
  }
  if (low >= high) {
    throw new OptionError("randint", `the range ${low} to ${high} is empty; expected low < high`);
  }
  checkKey("randint", from);
  return inNameOf("randint", () => {
    const [first, second] = splitKeys(from, 2);
    const upper = drawBits("randint", first, shape);
    const lower = drawBits("randint", second, shape);
    const span = high - low;
    // 2^32 modulo span, in the wrapping arithmetic that JAX does it in.
    const root = 2 ** 16 % span;
    const multiplier = (Math.imul(root, root) >>> 0) % span;
    const spanTensor = numberLike(span, upper);
    const folded = add(
      mul(rem(upper, spanTensor), numberLike(multiplier, upper)),
      rem(lower, spanTensor),
    );
    const offset = bitcast(rem(folded, spanTensor), "int32");
    return add(offset, numberLike(low, offset));
  });
}

/**
 * true with the given probability, which may be a tensor that broadcasts to the shape.
 *
 * @throws {ShapeError} if `from` is no key, or the shape is none.
 * @throws {OptionError} if the probability is a number outside of 0 to 1.
 *
 * @example
 * ```ts
 * import { bernoulli, key } from "softstep";
 *
 * console.log(bernoulli(key(0), [3], 1).toArray()); // => [ true, true, true ]
 * ```
 */
export function bernoulli(from: Tensor, shape: Shape, probability: TensorLike = 0.5): Tensor {
  if (typeof probability === "number" && !(probability >= 0 && probability <= 1)) {
    throw new OptionError("bernoulli", `probability is ${probability}; expected 0 to 1`);
  }
  const threshold = toTensor("bernoulli", probability);
  const { dtype } = threshold;
  if (!isFloating(dtype)) {
    throw new DTypeError("bernoulli", `probability is ${formatSpec(threshold)}; expected floating`);
  }
  return inNameOf(
    "bernoulli",
    () => less(drawUniform("bernoulli", from, shape, { dtype }), threshold),
  );
}

/**
 * Random numbers of the standard Gumbel distribution, -log(-log(u)).
 *
 * @throws {ShapeError} if `from` is no key, or the shape is none.
 * @throws {DTypeError} if the dtype is not float32 or float64.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { gumbel, key } from "softstep";
 *
 * console.log(gumbel(key(0), [4]).shape); // => [ 4 ]
 * ```
 */
export function gumbel(
  from: Tensor,
  shape: Shape,
  options: { readonly dtype?: DType } = {},
): Tensor {
  checkKnown("gumbel", options, ["dtype"]);
  const { dtype = "float32" } = options;
  return inNameOf("gumbel", () => drawGumbel("gumbel", from, shape, dtype));
}

function drawGumbel(functionName: string, from: Tensor, shape: Shape, dtype: DType): Tensor {
  // The smallest normal number, so that the logarithm is finite.
  const low = dtype === "float64" ? 2 ** -1022 : 2 ** -126;
  return neg(log(neg(log(drawUniform(functionName, from, shape, { low, high: 1, dtype })))));
}

/**
 * Random classes, int32, with probabilities softmax(logits) along the last axis: the largest of the logits after
 * Gumbel noise. The result has the shape of the other axes, or `shape`, to which they must broadcast.
 *
 * @throws {ShapeError} if `from` is no key, or the logits are a scalar.
 *
 * @example
 * ```ts
 * import { categorical, key, tensor } from "softstep";
 *
 * console.log(categorical(key(0), tensor([[0, 50], [50, 0]])).toArray()); // => [ 1, 0 ]
 * ```
 */
export function categorical(from: Tensor, logits: Tensor, shape?: Shape): Tensor {
  checkTensor("categorical", logits);
  const classes = logits.shape.at(-1);
  if (classes === undefined) {
    throw new ShapeError("categorical", "logits are a scalar; expected an axis");
  }
  const [values] = promoteFloating("categorical", logits);
  const rows = logits.shape.slice(0, -1);
  const wanted = shape === undefined ? rows : shape;
  checkShape("categorical", wanted);
  if (!sameShape(broadcastShapes("categorical", rows, wanted), wanted)) {
    throw new ShapeError(
      "categorical",
      `${formatShape(rows)}, the logits without the classes, does not broadcast to ${
        formatShape(wanted)
      }`,
    );
  }
  return inNameOf("categorical", () => {
    const target = [...wanted, classes];
    const noise = drawGumbel("categorical", from, target, values!.dtype);
    return argMax(add(noise, broadcastTo(values!, target)), target.length - 1);
  });
}
