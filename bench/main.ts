/**
 * Times of compiled optimizer steps beside a hand-written loop in plain JavaScript, and of matrix products:
 * medians, and ratios within this one run.
 */
import process from "node:process";
import { measure } from "mitata";
import {
  adamw,
  applyUpdates,
  formatTable,
  type GradientTransformation,
  jit,
  key,
  matmul,
  normal,
  s3,
  sgd,
  splitKeys,
  type StateKind,
  type StateOf,
  type Tensor,
} from "../mod.ts";
import { handWrittenS3 } from "./hand-written-s3.ts";

const SIZES = [1e5, 1e6];
const MATRICES = [64, 128, 256];

/** Median nanoseconds of one call, after warm-up. */
async function median(f: () => unknown): Promise<number> {
  const { p50 } = await measure(f, { warmup_samples: 5, min_cpu_time: 5e8 });
  return p50;
}

/** One whole update in place: direction, learning rate, apply. */
function compiledStep<Kind extends StateKind>(
  optimizer: GradientTransformation<Kind>,
  size: number,
): () => void {
  const [forParams, forGradient] = splitKeys(key(size), 2);
  const gradient = normal(forGradient, [size]);
  let params = normal(forParams, [size]);
  let state = optimizer.init(params);
  const step = jit((p: Tensor, s: StateOf<Kind, Tensor>, g: Tensor) => {
    const [updates, next] = optimizer.update(g, s, p);
    return [applyUpdates(p, updates), next] as const;
  }, { donate: [0, 1] });
  return () => {
    [params, state] = step(params, state, gradient);
  };
}

async function optimizerRows(): Promise<(string | number)[][]> {
  const rows: (string | number)[][] = [];
  for (const size of SIZES) {
    const options = { learningRate: 1e-3, weightDecay: 0.01 };
    const gradient = await normal(key(size), [size]).data() as Float32Array;
    const baseline = await median(handWrittenS3(gradient, 1e-3, 0.01));
    const candidates: [string, () => void][] = [
      ["s3", compiledStep(s3(options), size)],
      ["adamw", compiledStep(adamw(options), size)],
      ["sgd, momentum", compiledStep(sgd({ learningRate: 1e-3, momentum: 0.9 }), size)],
    ];
    rows.push([`s3, hand-written loop`, size, baseline / size, 1]);
    for (const [name, step] of candidates) {
      const time = await median(step);
      rows.push([name, size, time / size, time / baseline]);
    }
  }
  return rows;
}

async function matrixRows(): Promise<(string | number)[][]> {
  const rows: (string | number)[][] = [];
  for (const n of MATRICES) {
    const [a, b] = splitKeys(key(n), 2).map((k) => normal(k, [n, n])) as [Tensor, Tensor];
    const product = jit(matmul);
    const time = await median(() => product(a, b));
    rows.push([n, time / 1e3, (2 * n ** 3) / time]);
  }
  return rows;
}

const { deno, bun, node } = process.versions;
console.log(deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`, process.arch);
console.log("\noptimizer step on one tensor, float32, median");
console.log(
  formatTable(["step", "parameters", "ns/parameter", "times the loop"], await optimizerRows()),
);
console.log("\nmatrix product n x n, float32, median");
console.log(formatTable(["n", "us", "GFLOP/s"], await matrixRows()));
