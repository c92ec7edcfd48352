/** The options of one S3. */
export interface S3Case {
  readonly b: number;
  readonly p: number;
  readonly nesterov: boolean;
}

/**
 * S3 of one coordinate in float64: gives the update for each gradient in turn. The naive equations, but with
 * log s in place of s, so that |g|^p is in range for every p.
 */
export function s3Oracle({ b, p, nesterov }: S3Case): (g: number) => number {
  let m = 0;
  let logS = -Infinity;
  return (g) => {
    const size = Math.log(Math.abs(g));
    const n0 = b * m + (1 - b) * g;
    const n = nesterov ? b * n0 + (1 - b) * g : n0;
    m = n0;
    if (p === Infinity) {
      logS = b === 0 ? size : Math.max(logS, size);
      return n === 0 ? 0 : n / Math.exp(logS);
    }
    const blend = (old: number) => logSum(Math.log(b) + old, Math.log1p(-b) + p * size);
    logS = blend(logS);
    const logD = (nesterov ? blend(logS) : logS) / p;
    return n === 0 ? 0 : Math.sign(n) * Math.exp(Math.log(Math.abs(n)) - logD);
  };
}

/** log(exp(a) + exp(b)). */
function logSum(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}

/** The bound of |u| at step t = 1, 2, ... of any stream of gradients; attained when all are equal. */
export function tightBound({ b, p, nesterov }: S3Case, t: number): number {
  return (1 - b ** (nesterov ? t + 1 : t)) ** (1 - 1 / p);
}
