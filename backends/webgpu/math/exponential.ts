import {
  erfSeriesSingle,
  logErfcSingle,
  powerOfTwoSingle,
} from "../../../src/core/error-function.ts";
import type { FunctionText } from "../function-text.ts";
import { constant, polynomial } from "./polynomial.ts";

/** (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2; minimax. */
const exponential = [
  0.5,
  0.16666515171527863,
  0.041666582226753235,
  0.008369307965040207,
  0.0013921988429501653,
];

/** (tanh(x) / x - 1) / x^2 as a polynomial in x^2 <= 0.4; minimax. */
const tangent = [
  -0.33333277702331543,
  0.1333131194114685,
  -0.053727924823760986,
  0.020598405972123146,
  -0.005657535046339035,
];

/** ln 2 in two parts; the first is short, so that its product with an exponent is exact. */
export const ln2 = [0.693145751953125, 1.428606765330187e-06] as const;

/** x = n ln 2 + r with |r| <= ln(2) / 2, and e^r - 1 = r + tail. */
const reduce = (x: string) => `
  let n = round(${x} * ${constant(Math.LOG2E)});
  let r = (${x} - n * ${constant(ln2[0])}) - n * ${constant(ln2[1])};
  let tail = (r * r) * ${polynomial("r", exponential)};`;

/** exp, expm1, tanh, logistic and erf. */
export const exponentialFunctions: Readonly<Record<string, FunctionText>> = {
  // In two factors, since 2^n may lie beyond what one float can hold: -300 <= n <= 300.
  scale: {
    text: `
fn $scale(x: F, n: I) -> F {
  let half = n >> U(1u);
  let first = bitcast<F>((half + I(127)) << U(23u));
  return (x * first) * bitcast<F>(((n - half) + I(127)) << U(23u));
}
`,
  },
  exp: {
    text: `
fn $exp(x: F) -> F {
  // Beyond these e^x is 0 or infinite.
  let bounded = clamp(x, F(-104.0), F(89.0));${reduce("bounded")}
  return select(x, $scale((r + tail) + F(1.0), I(n)), $isNumber(x));
}
`,
  },
  expm1: {
    text: `
fn $expm1(x: F) -> F {
  let bounded = clamp(x, F(-104.0), F(89.0));${reduce("bounded")}
  let part = r + tail;
  // e^x = 2^n (1 + part). From 2^25 on the -1 is lost; far below 0 only it remains.
  let power = bitcast<F>((I(clamp(n, F(-25.0), F(25.0))) + I(127)) << U(23u));
  let near = part * power + (power - F(1.0));
  let all = select(near, $scale(part + F(1.0), I(n)), n > F(25.0));
  let y = select(all, part, n == F(0.0));
  // The sum of opposite zeros lost the sign of -0.
  return select(x, $copySign(y, x), $isNumber(x));
}
`,
  },
  // x + x z P(z) with z = x^2 for small x, else 1 - 2 / (e^(2|x|) + 1).
  tanh: {
    text: `
fn $tanh(x: F) -> F {
  let size = abs(x);
  let z = x * x;
  let small = x + (x * z) * ${polynomial("z", tangent)};
  // From there on it is 1.
  let twice = min(size + size, F(40.0));${reduce("twice")}
  let power = $scale((r + tail) + F(1.0), I(n));
  let large = F(1.0) - F(2.0) / (power + F(1.0));
  let y = select(small, large, size >= F(0.625));
  return select(x, $copySign(y, x), $isNumber(x));
}
`,
  },
  // 1 / (1 + e^-x), from e^-|x|, which does not overflow.
  logistic: {
    text: `
fn $logistic(x: F) -> F {
  let power = $exp(-abs(x));
  let y = select(F(1.0), power, x < F(0.0)) / (power + F(1.0));
  return select(x, y, $isNumber(x));
}
`,
  },
  // x + x P(x^2) for |x| < 1, else 1 - 2^Q(|x|).
  erf: {
    text: `
fn $erf(x: F) -> F {
  let size = abs(x);
  let z = x * x;
  // Beside a tiny x a device may flush x P.
  let usual = x + x * ${polynomial("z", erfSeriesSingle)};
  let small = select(usual, x * ${constant(2 / Math.sqrt(Math.PI))}, size < ${constant(2 ** -60)});
  // From there on it is 1.
  let bounded = min(size, F(4.0));
  let t = ${polynomial("bounded", logErfcSingle)};
  let n = round(t);
  let r = t - n;
  let large = F(1.0) - $scale(${polynomial("r", powerOfTwoSingle)}, I(n));
  let y = select(small, large, size >= F(1.0));
  return select(x, $copySign(y, x), $isNumber(x));
}
`,
  },
};
