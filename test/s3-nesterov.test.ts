// Property 3: three ways to write Nesterov's momentum, and what S3 does to |g|^p.
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { moderateFloat32, type Streams, streams } from "./support/gradient-streams.ts";
import { assertClose, decays, orders, place, runS3, stepS3 } from "./support/run-s3.ts";

/** The moving average of a stream after every step, from 0. */
function movingAverage(b: number, stream: readonly number[]): number[] {
  let m = 0;
  return stream.map((g) => m = b * m + (1 - b) * g);
}

/** g_t + b (g_t - g_{t-1}) with g_0 = 0: form B averages this. */
function extrapolated(b: number, stream: readonly number[]): number[] {
  return stream.map((g, t) => g + b * (g - (stream[t - 1] ?? 0)));
}

/** Form B of the numerator and of d^p. */
function formB(b: number, stream: readonly number[]): number[] {
  return movingAverage(b, extrapolated(b, stream));
}

const column = (gradients: Streams, i: number): number[] => gradients.map((row) => row[i]!);

/** Numbers of similar size: the naive s in float64 is then exact enough for 1e-10. */
const gradientStreams = streams(moderateFloat32(6), { steps: 80, columns: 6 });

test("s3: the numerator is form B of Nesterov's momentum, the denominator the same form of |g|^p", () => {
  for (const p of orders.filter((order) => order < Infinity)) {
    for (const b of decays) {
      const testCase = { b, p, nesterov: true };
      fc.assert(
        fc.property(gradientStreams, (gradients) => {
          const steps = runS3(testCase, gradients, "float64");
          for (let i = 0; i < 6; i++) {
            const stream = column(gradients, i);
            const numerator = formB(b, stream);
            const power = formB(b, stream.map((g) => Math.abs(g) ** p));
            steps.forEach(({ u }, t) => {
              const expected = power[t]! > 0 ? numerator[t]! / power[t]! ** (1 / p) : 0;
              assertClose(u[i]!, expected, 1e-10, place(testCase, "float64", gradients, t, i));
            });
          }
        }),
        { numRuns: 3 },
      );
    }
  }
});

test("s3: the denominator is not the p-th moment of the extrapolated gradient", () => {
  const stream = [1, -1, 1, 0.5, -2, 1, 1, -1];
  for (const p of [1.5, 2, 3, 4]) {
    const b = 0.9;
    const steps = runS3({ b, p }, stream.map((g) => [g]), "float64");
    const numerator = formB(b, stream);
    const right = formB(b, stream.map((g) => Math.abs(g) ** p));
    const wrong = movingAverage(b, extrapolated(b, stream).map((g) => Math.abs(g) ** p));
    const last = steps.at(-1)!.u[0]!;
    assertClose(last, numerator.at(-1)! / right.at(-1)! ** (1 / p), 1e-12, () => `p=${p}`);
    const other = numerator.at(-1)! / wrong.at(-1)! ** (1 / p);
    assert.ok(Math.abs(last - other) > 1e-2, `p=${p}: ${last} and ${other}`);
  }
});

/** f(x) = x^T A x / 2 - c^T x with a positive definite A. */
interface Quadratic {
  readonly A: readonly (readonly number[])[];
  readonly c: readonly number[];
  readonly start: readonly number[];
}

const size = 3;
const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
const vector = fc.array(coordinate, { minLength: size, maxLength: size });
const quadratic: fc.Arbitrary<Quadratic> = fc.record({
  A: fc.array(vector, { minLength: size, maxLength: size }).map((B) =>
    B.map((row, i) => B.map((other, j) => dot(row, other) + (i === j ? 0.1 : 0)))
  ),
  c: vector,
  start: vector,
});
const steps = 60;
const rates = fc.array(fc.double({ min: 0.001, max: 0.3, noNaN: true }), {
  minLength: steps + 1,
  maxLength: steps + 1,
});

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

const gradientAt = ({ A, c }: Quadratic, x: readonly number[]): number[] =>
  A.map((row, i) => dot(row, x) - c[i]!);

test("s3: the numerator makes the iterates of look-ahead Nesterov, for any learning rates", () => {
  for (const b of decays) {
    fc.assert(
      fc.property(quadratic, rates, (f, eta) => {
        const iterates = numeratorIterates(f, eta, b);
        // Form C: theta_t = phi_t - eta_{t+1} b v_t.
        let v = f.start.map(() => 0);
        let phi = [...f.start];
        for (let t = 1; t <= steps; t++) {
          const now = eta[t - 1]!;
          const later = eta[t]!;
          const y = phi.map((x, i) => x - now * b * v[i]!);
          const g = gradientAt(f, y);
          v = v.map((x, i) => b * x + (1 - b) * g[i]!);
          phi = phi.map((x, i) => x - (now + b * (now - later)) * v[i]!);
          phi.forEach((x, i) => {
            const theta = x - later * b * v[i]!;
            assertClose(iterates[t]![i]!, theta, 1e-10, () => `b=${b} step ${t}`);
          });
        }
      }),
      { numRuns: 10 },
    );
  }
});

/** theta_t of form A, its numerators being the library's: u times the d of the gradients met so far. */
function numeratorIterates(f: Quadratic, eta: readonly number[], b: number): number[][] {
  const transform = numerators(b, f.start.length);
  const iterates = [[...f.start]];
  for (let t = 1; t <= steps; t++) {
    const theta = iterates[t - 1]!;
    const n = transform(gradientAt(f, theta));
    iterates.push(theta.map((x, i) => x - eta[t - 1]! * n[i]!));
  }
  return iterates;
}

/** The library's numerator n = u d for one gradient after the other, with d from the naive equations. */
function numerators(b: number, width: number): (g: readonly number[]) => number[] {
  const s = new Array<number>(width).fill(0);
  const step = stepS3({ b, p: 2 }, width, "float64");
  return (g) => {
    const { u } = step(g);
    return g.map((x, i) => {
      s[i] = b * s[i]! + (1 - b) * x * x;
      return u[i]! * Math.sqrt(b * s[i]! + (1 - b) * x * x);
    });
  };
}
