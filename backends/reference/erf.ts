import { erfSeries, scaledErfc } from "../../src/core/error-function.ts";

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let power = coefficients.length - 1; power >= 0; power--) {
    sum = sum * x + coefficients[power]!;
  }
  return sum;
}

/** The error function 2/sqrt(pi) * integral of exp(-t^2) from 0 to x; relative error below 1e-15. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size <= 1) return x * polynomial(erfSeries, x * x);
  // 1 - erf(6) is less than half of the last place of 1. NaN passes on.
  if (size >= 6) return Math.sign(x);
  const rest = Math.exp(-x * x) * polynomial(scaledErfc, 72 / (5 * (size + 3)) - 2.6);
  return x < 0 ? rest - 1 : 1 - rest;
}
