/** A polynomial by Horner's rule as an expression: lowest power first. */
export function polynomial(x: string, coefficients: readonly number[]): string {
  return coefficients.slice(0, -1).reduceRight(
    (sum, coefficient) => `(${sum} * ${x} + ${constant(coefficient)})`,
    constant(coefficients.at(-1)!),
  );
}

/** A number of either width. */
export function constant(value: number): string {
  const text = String(Math.fround(value));
  return `F(${/[.e]/.test(text) ? text : `${text}.0`})`;
}
