import assert from "node:assert/strict";
import fc from "fast-check";
import {
  deviceGet,
  type DeviceName,
  jit,
  type S3State,
  scaleByS3,
  type ScaleByS3Options,
  scope,
  type Tensor,
  tensor,
  type TypedArray,
  zeros,
} from "../../mod.ts";
import { finiteFloat32, finiteFloat64, type Streams, streams } from "./gradient-streams.ts";
import type { S3Case } from "./s3-oracle.ts";

/** Where S3 is run: a device and a dtype of it. */
export interface Machine {
  /** For the names of tests: "float32", "float32 on gpu:wgsl". */
  readonly name: string;
  readonly device: DeviceName;
  readonly dtype: FloatDType;
  /** Why tests on it are skipped, or false. */
  readonly skip: string | false;
  /**
   * Whether it is a GPU. There each case is a shader to compile and each run a readback to wait for: fewer cases, and one run
   * of many columns in place of many runs. Subnormal numbers may count as zeros, as WGSL allows.
   */
  readonly isGpu: boolean;
  /** Whether each step costs milliseconds there: fewer cases still. */
  readonly isSlow?: boolean;
}

export type FloatDType = "float32" | "float64";

/** The machines that are there at once. */
export const machines: readonly Machine[] = (["float32", "float64"] as const).map((dtype) => ({
  name: dtype,
  device: "cpu",
  dtype,
  skip: false,
  isGpu: false,
}));

export const orders: readonly number[] = [1, 1.5, 2, 3, 4, 8, Infinity];
const decays: readonly number[] = [0, 0.5, 0.9, 0.95, 0.99, 0.999];

/** The decays that are tested on a machine. */
export function decaysOn({ isGpu, isSlow }: Machine): readonly number[] {
  return isSlow ? [0, 0.95] : isGpu ? [0, 0.5, 0.95, 0.999] : decays;
}

/** Every order with every decay. */
export function allCases(machine: Machine, nesterov: boolean): S3Case[] {
  const some = machine.isSlow ? [1, 1.5, 3, Infinity] : orders;
  return some.flatMap((p) => decaysOn(machine).map((b) => ({ b, p, nesterov })));
}

/** How far off a correct result may be. */
export const tolerances: Readonly<Record<FloatDType, number>> = { float32: 2e-5, float64: 1e-12 };

/** What came out of one step, column by column. */
export interface S3Step {
  readonly u: TypedArray;
  readonly m: TypedArray;
  readonly r: TypedArray;
}

type JittedUpdate = (g: Tensor, state: S3State<Tensor>) => [Tensor, S3State<Tensor>];
const jitted = new Map<string, JittedUpdate>();

/** The columns that a GPU works on at least, so that most cases share one shader. */
const gpuColumns = 64;

/** scaleByS3, jitted, for one gradient after the other; results are read when they are asked for. */
export function stepS3(
  { device, dtype, isGpu }: Machine,
  options: ScaleByS3Options,
  columns: number,
): (gradient: readonly number[]) => () => Promise<S3Step> {
  const transform = scaleByS3(options);
  const key = Object.entries(options).join();
  if (!jitted.has(key)) jitted.set(key, jit((g, state) => transform.update(g, state)));
  const update = jitted.get(key)!;
  const width = isGpu ? Math.max(columns, gpuColumns) : columns;
  let state = transform.init(zeros([width], { dtype, device }));
  return (gradient) => {
    const row = Array.from({ length: width }, (_, i) => gradient[i] ?? 1);
    const [u, next] = update(tensor(row, { dtype, device }), state);
    state = next;
    return async () => {
      const [first, m, r] = await deviceGet([u, next.m, next.r]);
      return {
        u: first!.subarray(0, columns),
        m: m!.subarray(0, columns),
        r: r!.subarray(0, columns),
      };
    };
  };
}

/** The same over streams of gradients; every column is a coordinate of its own. All steps are read at once. */
export async function runS3(
  machine: Machine,
  options: ScaleByS3Options,
  gradients: Streams,
): Promise<S3Step[]> {
  return await scope(async () => {
    const reads = gradients.map(stepS3(machine, options, gradients[0]!.length));
    return await Promise.all(reads.map((read) => read()));
  });
}

/** What checkEveryCase may vary. */
export interface CheckOptions {
  readonly nesterov?: boolean;
  readonly steps?: number;
  readonly columns?: number;
  readonly runs?: number;
  /** One gradient; by default any finite number of the dtype. */
  readonly value?: fc.Arbitrary<number>;
}

/** On a GPU shrinking would take minutes. */
export function runsOn(isGpu: boolean, runs: number, runsOnGpu = 1): fc.Parameters<unknown> {
  return isGpu
    ? { numRuns: runsOnGpu, endOnFailure: true, reporter: reportShortly }
    : { numRuns: runs };
}

/** Without the counterexample, which is long; the error says what matters. */
function reportShortly({ failed, seed, errorInstance }: fc.RunDetails<unknown>): void {
  if (failed) throw new Error(`seed ${seed}: ${(errorInstance as Error)?.message}`);
}

/** Hands random streams of gradients to a check. */
export async function checkStreams(
  { isGpu }: Machine,
  value: fc.Arbitrary<number>,
  { steps = 60, columns = 16, runs = 5 }: CheckOptions,
  check: (gradients: Streams) => Promise<void>,
): Promise<void> {
  const size = { steps, columns: isGpu ? columns * runs : columns };
  await fc.assert(fc.asyncProperty(streams(value, size), check), runsOn(isGpu, runs));
}

/** Hands random streams of gradients to a check, for every p and b. The check throws if it fails. */
export async function checkEveryCase(
  machine: Machine,
  options: CheckOptions,
  check: (testCase: S3Case, gradients: Streams) => Promise<void>,
): Promise<void> {
  const value = options.value ?? (machine.dtype === "float32" ? finiteFloat32 : finiteFloat64);
  for (const testCase of allCases(machine, options.nesterov ?? true)) {
    await checkStreams(machine, value, options, (gradients) => check(testCase, gradients));
  }
}

/** Describes one step of one column, for messages; made when it is asked for, since it is not cheap. */
export type Place = () => string;

/** Where something went wrong. */
export function place(
  { b, p, nesterov }: S3Case,
  { name }: Machine,
  gradients: Streams,
  t: number,
  i: number,
): Place {
  return () => {
    const stream = gradients.slice(Math.max(0, t - 9), t + 1).map((row) => row[i]);
    return `b=${b} p=${p} nesterov=${nesterov} ${name} step ${t + 1}, last gradients ${stream}`;
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
