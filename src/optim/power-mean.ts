/** The mean of order p that S3's denominator and state are, for floats of any size. */
import { abs, add, div, maximum, minimum, mul, pow, sign, square, sub } from "../ops/arithmetic.ts";
import { equal } from "../ops/comparison.ts";
import { cbrt, sqrt } from "../ops/elementary.ts";
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

/** x^p, its root, and the division by it. */
export function powerOf(p: number): Power {
  switch (p) {
    case 1:
      return withRoot((x) => x, (x) => x);
    case 2:
      return withRoot(square, sqrt);
    case 3: {
      const divideByRoot = (n: Tensor, x: Tensor) => mul(n, rcbrt(x));
      return { power: (x) => mul(x, square(x)), root: cbrt, divideByRoot };
    }
    case 4:
      return withRoot((x) => square(square(x)), (x) => sqrt(sqrt(x)));
    case Infinity:
      // M alone is the mean.
      return withRoot(sign, sign);
    default:
      return withRoot((x) => pow(x, p), (x) => pow(x, 1 / p));
  }
}

function withRoot(power: Power["power"], root: Power["root"]): Power {
  return { power, root, divideByRoot: (n, x) => div(n, root(x)) };
}
