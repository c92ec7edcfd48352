/** The mean of order p that S3's denominator and state are, for floats of any size. */
import { abs, add, div, maximum, minimum, mul, pow, sign, square, sub } from "../ops/arithmetic.ts";
import { equal } from "../ops/comparison.ts";
import { cbrt, exp, log, sqrt } from "../ops/elementary.ts";
import { where } from "../ops/logical.ts";
import { and, bitcast, numberLike, rcbrt } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A weighted mean: sum^(1/p) times the number that values were divided by. */
export interface Mean {
  readonly scale: Scale;
  /** g / scale. */
  readonly unit: Tensor;
  /** Not 0: where the mean is 0, a small number. */
  readonly sum: Tensor;
}

/** A positive number to divide and multiply by. */
export interface Scale {
  divide(x: Tensor): Tensor;
  multiply(x: Tensor): Tensor;
}

/**
 * (w r^p + (1-w) |g|^p)^(1/p) for r >= 0, given the root of w. Values are divided by M, or by a power of two near it,
 * before they are raised to a power. M is the larger of r and |g|; but where w < 1/2, the larger of q r and |g| with
 * q = (w / (1-w))^(1/p):
 *
 *     w >= 1/2:  M (w (r/M)^p + (1-w) (g/M)^p)^(1/p)        w < 1/2:  M ((1-w) ((q r/M)^p + (g/M)^p))^(1/p)
 *
 * so that one of the two powers is 1 with a weight of at least 1/2, however small w and however large p is.
 */
export function powerMean(rootW: number, p: number): (r: Tensor, g: Tensor) => Mean {
  const w = rootW * rootW;
  const rootQ = rootW ** (1 / p) / (1 - w) ** (0.5 / p);
  const { power } = powerOf(p);
  return (r, g) => {
    const old = w >= 0.5 ? r : mul(mul(r, rootQ), rootQ);
    const M = maximum(old, abs(g));
    // Powers of higher order need M itself: 2^p might be too large.
    const scale = p <= 4 && M.dtype === "float32" ? powerOfTwo(M) : itself(M);
    const oldPower = power(scale.divide(old));
    const unit = scale.divide(g);
    const newPower = power(abs(unit));
    const sum = w >= 0.5
      ? add(mul(oldPower, w), mul(newPower, 1 - w))
      : mul(add(oldPower, newPower), 1 - w);
    return { scale, unit, sum: maximum(sum, 2 ** -126) };
  };
}

function itself(M: Tensor): Scale {
  const scale = where(equal(M, 0), 1, M);
  return { divide: (x) => div(x, scale), multiply: (x) => mul(x, scale) };
}

/**
 * The largest power of two that is not above M, from 2^-126 to 2^126: exact, and faster than a division. Its choice
 * does not change the mean, and has no derivative.
 */
function powerOfTwo(M: Tensor): Scale {
  const bits = minimum(maximum(bitcast(M, "int32"), 0x00800000), 0x7effffff);
  const exponent = and(bits, numberLike(0x7f800000, bits));
  const scale = bitcast(exponent, "float32");
  const inverse = bitcast(sub(0x7f000000, exponent), "float32");
  return { divide: (x) => mul(x, inverse), multiply: (x) => mul(x, scale) };
}

/** What a power and its root are. */
export interface Power {
  /** x^p for x >= 0. */
  power(x: Tensor): Tensor;
  /** x^(1/p) for x > 0. */
  root(x: Tensor): Tensor;
  /** n / x^(1/p) for x > 0. */
  divideByRoot(n: Tensor, x: Tensor): Tensor;
}

/** Powers of higher order than this are not made of products. */
const mostFactors = 64;

/**
 * x^p, its root, and the division by it: products, square roots and cube roots where they do. pow takes many times as
 * long to run, and on some devices to compile.
 */
export function powerOf(p: number): Power {
  // M alone is the mean.
  if (p === Infinity) return withRoot(sign, sign);
  if (!Number.isInteger(p) || p > mostFactors) {
    return withRoot((x) => pow(x, p), (x) => pow(x, 1 / p));
  }
  const power = (x: Tensor) => wholePower(x, p);
  const inner = p % 3 === 0 ? rootOf(p / 3) : undefined;
  // Of 5 and more: the error of the logarithm, which grows with it, is divided by p.
  const general = (x: Tensor) => exp(mul(log(x), 1 / p));
  if (inner === undefined) return withRoot(power, rootOf(p) ?? general);
  return {
    power,
    root: (x) => cbrt(inner(x)),
    divideByRoot: (n, x) => mul(n, rcbrt(inner(x))),
  };
}

/** x^p for whole p >= 1, by squares. */
function wholePower(x: Tensor, p: number): Tensor {
  if (p === 1) return x;
  const even = wholePower(square(x), Math.floor(p / 2));
  return p % 2 === 0 ? even : mul(x, even);
}

/** x^(1/p) where whole p has no factors but 2 and 3: cube roots of square roots. */
function rootOf(p: number): Power["root"] | undefined {
  if (p === 1) return (x) => x;
  const [step, rest] = p % 3 === 0 ? [cbrt, p / 3] : [sqrt, p / 2];
  const inner = Number.isInteger(rest) ? rootOf(rest) : undefined;
  return inner && ((x) => step(inner(x)));
}

function withRoot(power: Power["power"], root: Power["root"]): Power {
  return { power, root, divideByRoot: (n, x) => div(n, root(x)) };
}
