/**
 * One S3 step (b = 0.95, p = 3, Nesterov) on flat arrays as one loop: what a person would write by hand, with the
 * same robust state as the library. The yardstick for the compiled step.
 */
export function handWrittenS3(
  gradient: Float32Array,
  learningRate: number,
  weightDecay: number,
): () => void {
  const b = 0.95;
  const w = b * b;
  const theta = new Float32Array(gradient.length);
  const m = new Float32Array(gradient.length);
  const r = new Float32Array(gradient.length);
  return () => {
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i]!;
      const size = Math.abs(g);
      const M = Math.max(r[i]!, size) || 1;
      const old = r[i]! / M;
      const now = size / M;
      const n = w * (m[i]! / M) + (1 - w) * (g / M);
      const d = Math.cbrt(w * old * old * old + (1 - w) * now * now * now) || 1;
      m[i] = b * m[i]! + (1 - b) * g;
      r[i] = M * Math.cbrt(b * old * old * old + (1 - b) * now * now * now);
      const u = Math.min(1, Math.max(-1, n / d));
      theta[i] = theta[i]! - learningRate * (u + weightDecay * theta[i]!);
    }
  };
}
