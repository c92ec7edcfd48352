/** Polynomials for the error function, lowest power first, that several backends evaluate. */

/**
 * erf(x) / x on 0 <= x <= 1 as a polynomial in x^2, lowest power first: interpolation at the Chebyshev
 * nodes of the series of Abramowitz & Stegun 7.1.5, relative error 8e-18.
 */
export const erfSeries: readonly number[] = [
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
export const scaledErfc: readonly number[] = [
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

/** For float32: erf(x) / x - 1 as a polynomial in x^2 <= 1; minimax. */
export const erfSeriesSingle: readonly number[] = [
  0.12837916612625122,
  -0.3761262893676758,
  0.11283618211746216,
  -0.02685512602329254,
  0.005190733820199966,
  -0.0008030763128772378,
  7.920386269688606e-05,
];

/** For float32: log2(1 - erf(x)) on 1 <= x <= 4: minimax for erf, error 2^-29. */
export const logErfcSingle: readonly number[] = [
  -0.00048003499978221953,
  -1.6260937452316284,
  -0.920574963092804,
  -0.14881055057048798,
  0.03153172880411148,
  -0.004258584696799517,
  0.0002694522263482213,
];

/** For float32: 2^r on |r| <= 1/2: minimax, relative error 2^-22; it counts for 1 - erf(1) = 0.16 at most. */
export const powerOfTwoSingle: readonly number[] = [
  1.0000001192092896,
  0.6931474208831787,
  0.24021919071674347,
  0.05549753084778786,
  0.009685066528618336,
  0.0013630972243845463,
];
