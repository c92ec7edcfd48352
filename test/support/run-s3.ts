import assert from "node:assert/strict";
import fc from "fast-check";
import {
  jit,
  type S3State,
  scaleByS3,
  type ScaleByS3Options,
  type Tensor,
  tensor,
  zeros,
} from "../../mod.ts";
import { finiteFloat32, finiteFloat64, type Streams, streams } from "./gradient-streams.ts";
import type { S3Case } from "./s3-oracle.ts";

export const orders: readonly number[] = [1, 1.5, 2, 3, 4, 8, Infinity];
export const decays: readonly number[] = [0, 0.5, 0.9, 0.95, 0.99, 0.999];

/** Every order with every decay. */
export function allCases(nesterov: boolean): S3Case[] {
  return orders.flatMap((p) => decays.map((b) => ({ b, p, nesterov })));
}

export type FloatDType = "float32" | "float64";

/** How far off a correct result may be. */
export const tolerances: Readonly<Record<FloatDType, number>> = { float32: 2e-5, float64: 1e-12 };

/** What came out of one step, column by column. */
export interface S3Step {
  readonly u: ArrayLike<number>;
  readonly m: ArrayLike<number>;
  readonly r: ArrayLike<number>;
}

type JittedUpdate = (g: Tensor, state: S3State<Tensor>) => [Tensor, S3State<Tensor>];
const jitted = new Map<string, JittedUpdate>();

/** scaleByS3, jitted, for one gradient after the other. */
export function stepS3(
  options: ScaleByS3Options,
  columns: number,
  dtype: FloatDType,
): (gradient: readonly number[]) => S3Step {
  const transform = scaleByS3(options);
  const key = Object.entries(options).join();
  if (!jitted.has(key)) jitted.set(key, jit((g, state) => transform.update(g, state)));
  const update = jitted.get(key)!;
  let state = transform.init(zeros([columns], { dtype }));
  return (gradient) => {
    const [u, next] = update(tensor(gradient, { dtype }), state);
    state = next;
    return { u: u.dataSync(), m: next.m.dataSync(), r: next.r.dataSync() };
  };
}

/** The same over streams of gradients; every column is a coordinate of its own. */
export function runS3(
  options: ScaleByS3Options,
  gradients: Streams,
  dtype: FloatDType,
): S3Step[] {
  return gradients.map(stepS3(options, gradients[0]!.length, dtype));
}

/** What checkEveryCase may vary. */
export interface CheckOptions {
  readonly dtype: FloatDType;
  readonly nesterov?: boolean;
  readonly steps?: number;
  readonly columns?: number;
  readonly runs?: number;
  /** One gradient; by default any finite number of the dtype. */
  readonly value?: fc.Arbitrary<number>;
}

/** Hands random streams of gradients to a check, for every p and b. The check throws if it fails. */
export function checkEveryCase(
  options: CheckOptions,
  check: (testCase: S3Case, gradients: Streams) => void,
): void {
  const { dtype, nesterov = true, steps = 60, columns = 16, runs = 5 } = options;
  const value = options.value ?? (dtype === "float32" ? finiteFloat32 : finiteFloat64);
  for (const testCase of allCases(nesterov)) {
    fc.assert(
      fc.property(streams(value, { steps, columns }), (gradients) => check(testCase, gradients)),
      { numRuns: runs },
    );
  }
}

/** Describes one step of one column, for messages; made when it is asked for, since it is not cheap. */
export type Place = () => string;

/** Where something went wrong. */
export function place(
  { b, p, nesterov }: S3Case,
  dtype: string,
  gradients: Streams,
  t: number,
  i: number,
): Place {
  return () => {
    const stream = gradients.slice(Math.max(0, t - 9), t + 1).map((row) => row[i]);
    return `b=${b} p=${p} nesterov=${nesterov} ${dtype} step ${t + 1}, last gradients ${stream}`;
  };
}

/** Refuses a difference above the tolerance, and NaN. */
export function assertClose(
  actual: number,
  expected: number,
  tolerance: number,
  where: Place,
): void {
  if (Math.abs(actual - expected) <= tolerance) return;
  assert.fail(`${actual}, expected ${expected} within ${tolerance}: ${where()}`);
}

/** Calls f for every step and column. */
export function forEachPlace(steps: readonly S3Step[], f: (t: number, i: number) => void): void {
  steps.forEach(({ u }, t) => {
    for (let i = 0; i < u.length; i++) f(t, i);
  });
}

/** Refuses any difference in bits but that of 0 and -0. */
export function assertSameBits(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  where: string,
): void {
  const plain = (values: ArrayLike<number>) => Array.from(values, (x) => x + 0);
  assert.deepEqual(plain(actual), plain(expected), where);
}
