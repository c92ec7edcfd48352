import { backendOf } from "../backend/registry.ts";
import type { AnyKernel, Program } from "../backend/program.ts";
import { accessesOf, kernelStatistics, programStatistics } from "../compiler/statistics.ts";
import { type ElementBytes, elementBytesOf } from "../compiler/target.ts";
import { type Explanation, type KernelExplanation, printExplanation } from "./explanation.ts";
import { inspect, type Inspection } from "./inspection.ts";

/**
 * Shows what a jitted function becomes for the arguments of a call: its passes over memory after simplification and
 * fusion, with the bytes that they move and the arithmetic that they do. The function is traced and compiled if it was
 * not yet, but not run, and no argument is donated.
 *
 * Bytes are what a program must move that reads every element at most once a kernel; caches may save some. A kernel that
 * goes over rows several times finds them in the cache, unless they are longer than some hundred kilobytes: those count
 * each time.
 *
 * @param jitted A function made by `jit`.
 * @param args The arguments of a call.
 * @throws {OptionError} if the function was not made by `jit`.
 * @throws {TracedValueError} inside `grad`, `vmap`, `jit` and the like.
 *
 * @example
 * ```ts
 * import { explain, gelu, jit, type Tensor, zeros } from "softstep";
 *
 * const layer = jit((x: Tensor) => gelu(x.mul(2).add(1)));
 * const explanation = explain(layer, zeros([1000, 10]));
 * const { kernels, bytesRead, bytesWritten } = explanation;
 * console.log(kernels.length, bytesRead, bytesWritten); // => 1 40000 40000
 * console.log(String(explanation).split("\n")[3]);
 * // => map    [10000]  mul add erf   1 > 1  40 kB    40 kB   70 k  generated
 * ```
 */
export function explain<Args extends readonly unknown[]>(
  jitted: (...args: Args) => unknown,
  ...args: Args
): Explanation {
  return explanationOf(inspect("explain", jitted, args));
}

/** An explanation, with the nanoseconds of each kernel where they were measured. */
export function explanationOf(
  { name, device, graph, compiled: { program, executable, graph: simplified } }: Inspection,
  nanoseconds: readonly number[] = [],
): Explanation {
  const backend = backendOf("explain", device);
  const elementBytes = elementBytesOf(backend);
  const { bytesRead, bytesWritten, flops, arenaBytes } = programStatistics(program, elementBytes);
  const parts = {
    name,
    device,
    backend: backend.describe?.() ?? backend.name,
    instructions: {
      traced: graph.instructions.length,
      simplified: simplified.instructions.length,
    },
    kernels: program.kernels.map((kernel, i) =>
      explainKernel(kernel, elementBytes, executable.ways?.[i], nanoseconds[i])
    ),
    bytesRead,
    bytesWritten,
    flops,
    arenaBytes,
    freshBytes: freshBytesOf(program),
  };
  return { ...parts, toString: () => printExplanation(parts) };
}

function explainKernel(
  kernel: AnyKernel,
  elementBytes: ElementBytes,
  runs: string | undefined,
  nanoseconds: number | undefined,
): KernelExplanation {
  const { bytesRead, bytesWritten, flops } = kernelStatistics(kernel, elementBytes);
  const moved = { bytesRead, bytesWritten, flops, runs, nanoseconds };
  if (kernel.op !== "loop") {
    const { op, operands, output } = kernel;
    return {
      op,
      computes: [op === "customKernel" ? (kernel.params as { name: string }).name : op],
      extents: output.spec.shape,
      reduced: 0,
      sweeps: 1,
      statements: 1,
      loads: operands.filter((operand) => "buffer" in operand).length,
      stores: 1,
      ...moved,
    };
  }
  const { extents, reduced, statements, sweeps = [] } = kernel.loop;
  const { loads, stores } = accessesOf(kernel.loop);
  const computes = new Set<string>();
  for (const statement of statements) {
    if (statement.kind === "apply") computes.add(statement.op);
    if (statement.kind === "reduce") computes.add(reductions[statement.op]);
  }
  return {
    op: statements.some(({ kind }) => kind === "reduce") ? "reduce" : "map",
    computes: [...computes],
    extents,
    reduced,
    sweeps: 1 + sweeps.length,
    statements: statements.length,
    loads: loads.length,
    stores: stores.length,
    ...moved,
  };
}

const reductions = { sum: "reduceSum", max: "reduceMax", min: "reduceMin" } as const;

function freshBytesOf({ buffers }: Program): number {
  return buffers.reduce((sum, plan) => sum + (plan.kind === "fresh" ? plan.byteLength : 0), 0);
}
