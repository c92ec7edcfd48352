import type { DType } from "../core/dtype.ts";
import { OptionError } from "../core/errors.ts";
import { checkBoolean, checkKnown, checkNumber } from "../core/options.ts";
import { describe } from "../core/value-kinds.ts";
import { abs, add, clip, maximum, minimum, mul, sign } from "../ops/arithmetic.ts";
import { isFinite, less } from "../ops/comparison.ts";
import { where } from "../ops/logical.ts";
import { cast } from "../ops/shaping.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tree/tree.ts";
import { mapTogether, zeroState } from "./leaves.ts";
import { checkDecay } from "./options.ts";
import { powerMean, powerOf } from "./power-mean.ts";
import type { GradientTransformation, StateKind } from "./transformation.ts";

/** The options of `scaleByS3`. */
export interface ScaleByS3Options {
  /** The one decay rate of both moments, in [0, 1); 0.95 by default. 0 gives SignSGD. */
  readonly b?: number;
  /** The order of the second moment, >= 1 or Infinity; 3 by default. */
  readonly p?: number;
  /** Look one step ahead (Nesterov) in numerator and denominator; true by default. */
  readonly nesterov?: boolean;
  /**
   * What the state is kept in: bfloat16 halves it. By default the dtype of each parameter. The 8 bits of bfloat16
   * cannot follow a state that changes by less than 1/256 a step: keep b^(1/p) below 0.996 (b below 0.988 for p = 3),
   * or an outlier stays in r for good.
   */
  readonly stateDtype?: "float32" | "bfloat16";
}

/** The state of `scaleByS3`: two trees like the parameters. */
export interface S3State<P> {
  /** The momentum: the moving average of the gradients. */
  readonly m: P;
  /** The p-th root of the moving average of |g|^p. */
  readonly r: P;
}

/** The kind of `scaleByS3`. */
export interface S3Kind extends StateKind {
  /** Two trees like the parameters. */
  readonly state: S3State<this["params"]>;
}

/**
 * The direction of S3 (SoftSignSGD; H. Peng et al., arXiv 2507.06464): with g the gradient,
 *
 *     m' = b m + (1-b) g              s' = b s + (1-b) |g|^p
 *     n  = b m' + (1-b) g             d  = (b s' + (1-b) |g|^p)^(1/p)        (Nesterov)
 *     u  = n / d                      always in [-1, 1]; 0 where d = 0
 *
 * No bias correction, no epsilon. Without `nesterov`, u = m' / s'^(1/p). The state holds r = s^(1/p) instead
 * of s, so that every finite gradient of float32 from 2^-149 to 2^127 gives a finite state: |g|^3 itself would
 * overflow above 7e12 and vanish below 9e-16. |u| <= 1 holds exactly. Momentum below the smallest normal number
 * of the dtype (2^-126 in float32) counts as 0.
 *
 * A NaN or infinite gradient reaches the update as NaN and stays in the state. A large p forgets an outlier
 * slowly: one of ratio R takes about -p ln R / ln b steps.
 *
 * @throws {OptionError} if an option is unknown or out of range.
 *
 * @example
 * ```ts
 * import { scaleByS3, tensor } from "softstep";
 *
 * const transform = scaleByS3();
 * const params = { w: tensor([1, 2]) };
 * const [updates] = transform.update({ w: tensor([1e-30, -1e30]) }, transform.init(params));
 * console.log(updates.w.toString()); // => Tensor float32[2] [0.2118376, -0.2118376]
 * ```
 */
export function scaleByS3(options: ScaleByS3Options = {}): GradientTransformation<S3Kind> {
  checkKnown("scaleByS3", options, ["b", "p", "nesterov", "stateDtype"]);
  const { b = 0.95, p = 3, nesterov = true, stateDtype } = options;
  checkDecay("scaleByS3", "b", b);
  checkNumber("scaleByS3", "p", p, (order) => order >= 1, "a number >= 1, or Infinity");
  checkBoolean("scaleByS3", "nesterov", nesterov);
  if (stateDtype !== undefined && stateDtype !== "float32" && stateDtype !== "bfloat16") {
    throw new OptionError(
      "scaleByS3",
      `stateDtype is ${describe(stateDtype)}; expected "float32" or "bfloat16"`,
    );
  }
  const direction = s3Direction(b, p, nesterov);

  return {
    init<P extends Tree>(params: P): S3State<P> {
      const zeros = () => zeroState("scaleByS3.init", params, stateDtype) as P;
      return { m: zeros(), r: zeros() };
    },
    update<P extends Tree>(updates: P, state: S3State<P>): [P, S3State<P>] {
      const trees = { "state.m": state?.m, "state.r": state?.r };
      const [u, m, r] = mapTogether("scaleByS3.update", 3, { updates }, trees, (g, m, r) => {
        const next = direction(g, cast(m!, g.dtype), cast(r!, g.dtype));
        return [next.u, kept(next.m, m!.dtype), kept(next.r, r!.dtype)];
      });
      return [u as P, { m: m as P, r: r as P }];
    },
  };
}

interface Step {
  readonly u: Tensor;
  readonly m: Tensor;
  readonly r: Tensor;
}

/**
 * The robust form. With the weight w = b^2 under Nesterov (else b),
 *
 *     n = w m + (1-w) g       d = (w r^p + (1-w) |g|^p)^(1/p)       r' = (b r^p + (1-b) |g|^p)^(1/p)
 *     u = n / d
 */
function s3Direction(
  b: number,
  p: number,
  nesterov: boolean,
): (g: Tensor, m: Tensor, r: Tensor) => Step {
  // SignSGD: the old state has no weight. 0 Infinity is NaN, as it should be; a quotient g / |g| would be inexact on
  // some GPUs.
  if (b === 0) return (g) => ({ u: add(sign(g), mul(g, 0)), m: g, r: abs(g) });
  const rootW = nesterov ? b : Math.sqrt(b);
  const w = rootW * rootW;
  const { root, divideByRoot } = powerOf(p);
  const meanForD = powerMean(rootW, p);
  const meanForR = nesterov ? powerMean(Math.sqrt(b), p) : meanForD;

  return (g, m, r) => {
    const { scale, unit, sum } = meanForD(r, g);
    // A small w in two factors: w m may be too small for a number where w m / scale is not.
    const old = w >= 0.5 ? mul(scale.divide(m), w) : mul(scale.divide(mul(m, rootW)), rootW);
    const n = add(old, mul(unit, 1 - w));
    const next = meanForR(r, g);
    return {
      // Rounding may exceed the bounds that hold exactly: |u| <= 1 and r' <= max(r, |g|).
      u: clip(divideByRoot(n, sum), -1, 1),
      m: flush(add(mul(m, b), mul(g, 1 - b))),
      r: minimum(next.scale.multiply(root(next.sum)), maximum(r, abs(g))),
    };
  };
}

/** As the dtype of the state: what is finite stays finite, though bfloat16 would round the largest floats to Infinity. */
function kept(x: Tensor, dtype: DType): Tensor {
  if (dtype !== "bfloat16" || x.dtype === dtype) return cast(x, dtype);
  const largest = (2 - 2 ** -7) * 2 ** 127;
  return cast(where(isFinite(x), clip(x, -largest, largest), x), dtype);
}

/**
 * Subnormal numbers to 0. b m rounds to m there, so without gradients m would stop on its way to 0 while r goes
 * on, and u grow again.
 */
function flush(m: Tensor): Tensor {
  const smallestNormal = m.dtype === "float64" ? 2 ** -1022 : 2 ** -126;
  return where(less(abs(m), smallestNormal), 0, m);
}
