import fc from "fast-check";

/** The largest float32. */
export const largestFloat32: number = (2 - 2 ** -23) * 2 ** 127;

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** Any finite float32, every exponent as likely as another: half of all pairs differ by 2^80 and more. */
const anyBits = fc.tuple(
  fc.integer({ min: 0, max: 0xfe }),
  fc.integer({ min: -0x7fffff, max: 0x7fffff }),
)
  .map(([exponent, mantissa]) => {
    words[0] = (exponent << 23) | Math.abs(mantissa);
    return Math.sign(mantissa) * floats[0]!;
  });

/** Any finite float32: subnormals, zeros and the ends of the range often. */
export const finiteFloat32: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: anyBits },
  { weight: 1, arbitrary: fc.integer({ min: -0x7fffff, max: 0x7fffff }).map((n) => n * 2 ** -149) },
  { weight: 3, arbitrary: fc.float({ min: -4, max: 4, noNaN: true }) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom(0, 2 ** -149, 2 ** -148, 2 ** -126, 1, 2 ** 126, 2 ** 127, largestFloat32),
      fc.constantFrom(1, -1),
    ).map(([size, sign]) => sign * size),
  },
);

/** Any finite float64. */
export const finiteFloat64: fc.Arbitrary<number> = fc.oneof(
  finiteFloat32,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Zeros and float32 numbers with 2^-bits <= |g| < 2^bits. */
export function moderateFloat32(bits: number): fc.Arbitrary<number> {
  const number = fc.tuple(
    fc.integer({ min: -bits, max: bits - 1 }),
    fc.integer({ min: 0, max: 0x7fffff }),
    fc.constantFrom(1, -1),
  ).map(([exponent, mantissa, sign]) => sign * (1 + mantissa * 2 ** -23) * 2 ** exponent);
  return fc.oneof({ weight: 9, arbitrary: number }, { weight: 1, arbitrary: fc.constant(0) });
}

/** Gradients of several coordinates over time: `streams[step][column]`. */
export type Streams = readonly (readonly number[])[];

/**
 * Streams of many steps from few numbers: each column repeats a list of runs, a run being a gradient that
 * stays for a while, perhaps with changing sign.
 */
export function streams(
  value: fc.Arbitrary<number>,
  size: { readonly steps: number; readonly columns: number },
): fc.Arbitrary<Streams> {
  const run = fc.record({
    value,
    length: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 30 })),
    alternates: fc.boolean(),
  });
  const column = fc.array(run, { minLength: 1, maxLength: 12 }).map((runs) => {
    const period = runs.flatMap(({ value, length, alternates }) =>
      Array.from({ length }, (_, i) => alternates && i % 2 === 1 ? -value : value)
    );
    return Array.from({ length: size.steps }, (_, t) => period[t % period.length]!);
  });
  return fc.array(column, { minLength: size.columns, maxLength: size.columns })
    .map((columns) => columns[0]!.map((_, t) => columns.map((each) => each[t]!)));
}
