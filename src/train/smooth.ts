/**
 * The exponentially weighted mean of the values since a gap, divided by the sum of its weights so
 * that it starts unbiased; what is not finite stays as it is.
 */
export function smooth(values: readonly number[], halfLife: number): number[] {
  const keep = 0.5 ** (1 / halfLife);
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (!Number.isFinite(value)) {
      [sum, weight] = [0, 0];
      return value;
    }
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}
