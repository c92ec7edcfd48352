/**
 * A BLAS installed on this machine, for matrix products. Off by default: its results differ in the last bits from one
 * library, processor and number of threads to the next, and the engine promises the same bits everywhere. It is
 * turned on by the environment variable SOFTSTEP_BLAS, or by the option `library`, which goes before it:
 *
 * - `off`, empty or unset: not used.
 * - `on`: the first of OpenBLAS, MKL and Apple's Accelerate that is installed. A library that is only called `blas` is
 *   not looked for: it may be the plain reference one, which is slower than WebAssembly.
 * - anything else: the library at this path or of this name.
 *
 * Deno needs --allow-ffi (and --allow-env for the variable) and is never made to ask for them; Bun needs nothing; Node
 * and browsers cannot. Whatever is missing, the caller is told the reason and goes on without.
 */
import { environmentVariable } from "../../src/core/environment.ts";
import {
  type ForeignFunction,
  type ForeignRuntime,
  foreignRuntime,
  type Signature,
} from "./library.ts";

/** c = op(a) op(b), row-major: op(a) is m x k, op(b) is k x n, c is m x n; op transposes or not. */
export type MatrixProduct<Elements> = (
  transposesA: boolean,
  transposesB: boolean,
  m: number,
  n: number,
  k: number,
  a: Elements,
  /** Elements from one row to the next, of the operand as it lies in memory. */
  rowOfA: number,
  b: Elements,
  rowOfB: number,
  c: Elements,
  rowOfC: number,
) => void;

/** A library that is ready. Views may lie in any memory, shared or not; none may be empty. */
export interface Blas {
  /** The path or name that it was opened by, and its version where it tells. */
  readonly description: string;
  readonly sgemm: MatrixProduct<Float32Array>;
  readonly dgemm: MatrixProduct<Float64Array>;
}

/** What may be asked of `loadBlas`. */
export interface BlasOptions {
  /** "on", "off", or a path; by default what SOFTSTEP_BLAS says. */
  readonly library?: string;
  /** Threads that it may use, if it is an OpenBLAS; by default as many as it chooses. */
  readonly threads?: number;
}

const gemm = (float: "f32" | "f64"): Signature => ({
  // deno-fmt-ignore
  parameters: [
    "i32", "i32", "i32", "i32", "i32", "i32", float, "buffer", "i32", "buffer", "i32", float, "buffer", "i32",
  ],
  result: "void",
});

const products = { cblas_sgemm: gemm("f32"), cblas_dgemm: gemm("f64") };
const ofOpenBlas = {
  openblas_get_config: { parameters: [], result: "string" },
  openblas_get_num_threads: { parameters: [], result: "i32" },
  openblas_set_num_threads: { parameters: ["i32"], result: "void" },
} as const satisfies Record<string, Signature>;

/** Opens a BLAS where one is wanted and can be had; never throws and never asks. */
export function loadBlas(
  { library = environmentVariable("SOFTSTEP_BLAS") ?? "", threads }: BlasOptions = {},
): { readonly blas: Blas } | { readonly reason: string } {
  if (library === "" || library === "off") {
    return { reason: "native BLAS is off; SOFTSTEP_BLAS=on, or a path, turns it on" };
  }
  const runtime = foreignRuntime();
  if ("reason" in runtime) return runtime;

  const reasons: string[] = [];
  for (const path of library === "on" ? namesOn(runtime.platform) : [library]) {
    const opened = open(runtime, path, threads);
    if ("blas" in opened) return opened;
    reasons.push(opened.reason);
  }
  return { reason: `no BLAS could be opened: ${reasons.join("; ")}` };
}

function open(
  runtime: ForeignRuntime,
  path: string,
  threads: number | undefined,
): { readonly blas: Blas } | { readonly reason: string } {
  const opened = runtime.open(path, products);
  if ("reason" in opened) return opened;
  const { cblas_sgemm: single, cblas_dgemm: double } = opened.functions;
  const extras = runtime.open(path, ofOpenBlas);
  if ("reason" in extras) {
    return { blas: { description: path, sgemm: product(single), dgemm: product(double) } };
  }
  const { openblas_get_config, openblas_get_num_threads, openblas_set_num_threads } =
    extras.functions;
  const configuration = String(openblas_get_config()).trim();
  if (configuration.includes("USE64BITINT")) {
    return { reason: `${path}: takes sizes of 64 bits; expected a library that takes 32` };
  }
  if (threads !== undefined) openblas_set_num_threads(threads);
  const most = openblas_get_num_threads() as number;
  const sparing = <Elements>(multiply: MatrixProduct<Elements>): MatrixProduct<Elements> =>
    sparingly(multiply, openblas_set_num_threads, most);
  return {
    blas: {
      description: `${path} (${configuration})`,
      sgemm: sparing(product<Float32Array>(single)),
      dgemm: sparing(product<Float64Array>(double)),
    },
  };
}

function namesOn(platform: string): readonly string[] {
  if (platform === "darwin") {
    return [
      "/System/Library/Frameworks/Accelerate.framework/Accelerate",
      "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
      "libopenblas.dylib",
    ];
  }
  if (platform === "windows" || platform === "win32") {
    return ["libopenblas.dll", "openblas.dll", "mkl_rt.2.dll"];
  }
  // Where there are two, the one with "p" has threads and the other has none.
  return [
    "libopenblasp.so.0",
    "libopenblas.so.0",
    "libopenblas.so",
    "libmkl_rt.so.2",
    "libmkl_rt.so",
  ];
}

const rowMajor = 101;
const plain = 111;
const transposed = 112;

// deno-fmt-ignore
function product<Elements extends Float32Array | Float64Array>(call: ForeignFunction): MatrixProduct<Elements> {
  return (transposesA, transposesB, m, n, k, a, rowOfA, b, rowOfB, c, rowOfC) => {
    call(
      rowMajor, transposesA ? transposed : plain, transposesB ? transposed : plain, m, n, k,
      1, a, rowOfA, b, rowOfB, 0, c, rowOfC,
    );
  };
}

/** Multiplications below which more threads do not pay; measured. */
const forOneThread = 192 ** 3;

/**
 * Keeps middling products on one thread: they gain little by more, and where the workers of a pool are still spinning
 * after their last work, waiting for a processor takes the library many times longer than such a product.
 */
function sparingly<Elements>(
  multiply: MatrixProduct<Elements>,
  setThreads: ForeignFunction,
  most: number,
): MatrixProduct<Elements> {
  return (transposesA, transposesB, m, n, k, a, rowOfA, b, rowOfB, c, rowOfC) => {
    const isMiddling = m * n * k < forOneThread;
    if (isMiddling) setThreads(1);
    multiply(transposesA, transposesB, m, n, k, a, rowOfA, b, rowOfB, c, rowOfC);
    if (isMiddling) setThreads(most);
  };
}
