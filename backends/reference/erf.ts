/**
 * erf(x) / x on 0 <= x <= 1 as a polynomial in x^2, lowest power first: interpolation at the Chebyshev
 * nodes of the series of Abramowitz & Stegun 7.1.5, relative error 8e-18.
 */
const small: readonly number[] = [
  1.1283791670955126,
  -0.37612638903183543,
  0.11283791670945006,
  -0.02686617064323777,
  0.0052239776071164225,
  -0.0008548325975389692,
  0.00012055294904839707,
  -1.492473690741966e-05,
  1.6447424703317362e-06,
  -1.6208483801871705e-07,
  1.3720064546777686e-08,
  -7.795898827002142e-10,
];

/**
 * exp(x^2) * (1 - erf(x)) on 1 <= x <= 6 as a polynomial in u = 72 / (5 (x + 3)) - 13 / 5, which runs over
 * [-1, 1]: interpolation at the Chebyshev nodes, relative error 6e-17.
 */
const large: readonly number[] = [
  0.20798329133342885,
  0.15436117429436919,
  0.04969844540339414,
  0.012713147695691918,
  0.002479314697086253,
  0.0003316029605792838,
  1.956358319778174e-05,
  -2.425557485042923e-06,
  -5.54127309801664e-07,
  4.5267318133461335e-09,
  1.133933573114706e-08,
  2.637756022974126e-10,
  -2.5700407551346905e-10,
  -6.02173256030324e-12,
  6.043792147788813e-12,
  -6.697645564790815e-15,
];

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
  if (size <= 1) return x * polynomial(small, x * x);
  // 1 - erf(6) is less than half of the last place of 1. NaN passes on.
  if (size >= 6) return Math.sign(x);
  const rest = Math.exp(-x * x) * polynomial(large, 72 / (5 * (size + 3)) - 2.6);
  return x < 0 ? rest - 1 : 1 - rest;
}
