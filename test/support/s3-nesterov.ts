import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { scope } from "../../mod.ts";
import { moderateFloat32, type Streams } from "./gradient-streams.ts";
import {
  assertClose,
  checkStreams,
  decaysOn,
  type Machine,
  orders,
  place,
  runS3,
  runsOn,
  stepS3,
} from "./run-s3.ts";

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

/** Property 3: three ways to write Nesterov's momentum, and what S3 does to |g|^p. */
export function testNesterov(machine: Machine): void {
  const { name, dtype, skip, isGpu } = machine;
  const property = (title: string, body: () => Promise<void>) =>
    test(`s3 ${name}: ${title}`, { skip }, body);
  const tolerance = dtype === "float32" ? 2e-5 : 1e-10;

  property(
    "numerator and denominator are form B of Nesterov's momentum, of g and of |g|^p",
    async () => {
      for (const p of orders.filter((order) => order < Infinity)) {
        for (const b of decaysOn(machine)) {
          const testCase = { b, p, nesterov: true };
          const sized = { steps: isGpu ? 40 : 80, columns: 6, runs: 3 };
          // Numbers of similar size: the naive s in float64 is then exact enough for 1e-10.
          await checkStreams(machine, moderateFloat32(6), sized, async (gradients) => {
            const steps = await runS3(machine, testCase, gradients);
            gradients[0]!.forEach((_, i) => {
              const stream = column(gradients, i);
              const numerator = formB(b, stream);
              const power = formB(b, stream.map((g) => Math.abs(g) ** p));
              steps.forEach(({ u }, t) => {
                const expected = power[t]! > 0 ? numerator[t]! / power[t]! ** (1 / p) : 0;
                assertClose(u[i]!, expected, tolerance, place(testCase, machine, gradients, t, i));
              });
            });
          });
        }
      }
    },
  );

  property("the denominator is not the p-th moment of the extrapolated gradient", async () => {
    const stream = [1, -1, 1, 0.5, -2, 1, 1, -1];
    for (const p of [1.5, 2, 3, 4]) {
      const b = 0.9;
      const steps = await runS3(machine, { b, p }, stream.map((g) => [g]));
      const numerator = formB(b, stream);
      const right = formB(b, stream.map((g) => Math.abs(g) ** p));
      const wrong = movingAverage(b, extrapolated(b, stream).map((g) => Math.abs(g) ** p));
      const last = steps.at(-1)!.u[0]!;
      assertClose(last, numerator.at(-1)! / right.at(-1)! ** (1 / p), tolerance, () => `p=${p}`);
      const other = numerator.at(-1)! / wrong.at(-1)! ** (1 / p);
      assert.ok(Math.abs(last - other) > 1e-2, `p=${p}: ${last} and ${other}`);
    }
  });

  /** The library's numerator n = u d for one gradient after the other, with d from the naive equations. */
  function numerators(b: number, width: number): (g: readonly number[]) => Promise<number[]> {
    const s = new Array<number>(width).fill(0);
    const step = stepS3(machine, { b, p: 2 }, width);
    return async (g) => {
      const { u } = await step(g)();
      return g.map((x, i) => {
        s[i] = b * s[i]! + (1 - b) * x * x;
        return u[i]! * Math.sqrt(b * s[i]! + (1 - b) * x * x);
      });
    };
  }

  /** theta_t of form A, its numerators being the library's: u times the d of the gradients met so far. */
  async function numeratorIterates(
    all: readonly Quadratic[],
    eta: readonly number[],
    b: number,
  ): Promise<number[][]> {
    const transform = numerators(b, all.length * size);
    const iterates = [all.flatMap(({ start }) => start)];
    for (let t = 1; t <= steps; t++) {
      const theta = iterates[t - 1]!;
      const n = await transform(
        all.flatMap((f, k) => gradientAt(f, theta.slice(size * k, size * k + size))),
      );
      iterates.push(theta.map((x, i) => x - eta[t - 1]! * n[i]!));
    }
    return iterates;
  }

  property(
    "the numerator makes the iterates of look-ahead Nesterov, for any learning rates",
    async () => {
      const many = fc.array(quadratic, { minLength: isGpu ? 20 : 2, maxLength: isGpu ? 20 : 2 });
      for (const b of decaysOn(machine)) {
        await fc.assert(
          fc.asyncProperty(many, rates, async (all, eta) => {
            const iterates = await scope(() => numeratorIterates(all, eta, b));
            all.forEach((f, k) => {
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
                  // Errors of a step pass through all later ones.
                  const allowed = dtype === "float32" ? 1e-4 : 1e-10;
                  const actual = iterates[t]![size * k + i]!;
                  assertClose(actual, theta, allowed, () => `b=${b} step ${t}`);
                });
              }
            });
          }),
          runsOn(isGpu, 5),
        );
      }
    },
  );
}
