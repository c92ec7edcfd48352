/** Kernels as steps: loops and products in generated code, others by what is handed in. */
import type { Loop } from "../../src/backend/loop.ts";
import type { AnyKernel, BufferPlan, Kernel, KernelOperand } from "../../src/backend/program.ts";
import { bytesPerElement, type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import { type ConvFunctions, prepareConv } from "./conv.ts";
import { type DotFunctions, dotModule, type DotPlan, prepareDot } from "./dot.ts";
import { type Heap, padded } from "./heap.ts";
import { loopsOf } from "../../src/backend/kernel-loops.ts";
import { literalArray } from "./literals.ts";
import { batchTableLength } from "./loop-batch.ts";
import { type CompiledLoop, createLoopCompiler } from "./loop-modules.ts";
import type { Pool, PoolFunction } from "./pool.ts";
import { type Run, schedule, type Step } from "./schedule.ts";
import { sharedBatch, sharedDot, sharedLoop } from "./shared-steps.ts";
import { type SplitOptions, splitReduction } from "../../src/backend/split-reduction.ts";
import type { WasmSupport } from "./support.ts";

/** A kernel made ready: writes the whole of `out`. */
export type KernelRun = (out: TypedArray, operands: readonly TypedArray[]) => void;

/** A matrix product or a convolution made ready: writes the whole of `out`. */
export type ProductRun = (out: TypedArray, a: TypedArray, b: TypedArray) => void;

/** Ways to run kernels for which no code is generated. */
export interface OtherKernels {
  /** Makes any kernel of one primitive ready. */
  readonly prepare: (kernel: Kernel) => KernelRun;
  /** A faster way for a product or a convolution than ours, where there is one. */
  readonly product?:
    | ((kernel: Kernel<"dot"> | Kernel<"conv">) => ProductRun | undefined)
    | undefined;
}

/** A program's kernels made ready. */
export interface Steps {
  readonly runs: readonly Run[];
  /** Scratch memory that they need. */
  readonly scratchBytes: number;
  /** The program's buffers and further ones in the arena. */
  readonly buffers: readonly BufferPlan[];
  /** Bytes of the arena with those. */
  readonly arenaBytes: number;
  /** How each kernel runs, for people to read. */
  readonly ways: readonly string[];
}

interface Made {
  readonly step: Step;
  readonly way: string;
  readonly scratchBytes: number;
}

/** A part is enough to be worth a thread's while. */
const splitting: SplitOptions = { partPoints: 1 << 15, mostResults: 8, bytesPerElement };

/** Gives the function that makes kernels ready. */
export function createSteps(
  heap: Heap,
  pool: Pool,
  support: WasmSupport,
  others: OtherKernels,
): (
  kernels: readonly AnyKernel[],
  buffers: readonly BufferPlan[],
  arenaBytes: number,
) => Steps {
  const compileLoops = createLoopCompiler(heap.memory, support, pool);
  const products = new Map<
    WebAssembly.Module,
    { own: DotFunctions; pooled: Readonly<Record<string, PoolFunction>> }
  >();

  function productFunctions(module: WebAssembly.Module) {
    let functions = products.get(module);
    if (functions === undefined) {
      functions = functionsOf<DotFunctions>(module);
      products.set(module, functions);
    }
    return functions;
  }

  function functionsOf<Functions>(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: heap.memory } });
    return { own: exports as Functions, pooled: pool.register(module) };
  }

  function loopStep(loop: Loop, compiled: CompiledLoop): Made {
    const { code: { single: { run } }, buffers, extent } = compiled;
    const args = [...buffers, 0, extent];
    const alone = (addresses: readonly number[]): void => {
      for (let i = 0; i < buffers.length; i++) args[i] = addresses[buffers[i]!]!;
      run.apply(undefined, args);
    };
    const step = { run: alone, shared: sharedLoop(loop, compiled), loop: compiled };
    return { step, way: "generated", scratchBytes: 0 };
  }

  /** Loops of one form as one step, which reads their addresses from a table; `reserve` gives memory for it. */
  function batchStep(members: readonly Step[], reserve: (byteLength: number) => number): Step {
    const loops = members.map(({ loop }) => loop!);
    const { run, func } = loops[0]!.code.batch!;
    const parameters = loops[0]!.buffers.length;
    const table = reserve(4 * batchTableLength(loops.length, parameters));
    const rows = loops.length;
    const units = loops.reduce((sum, { extent }) => sum + extent, 0);
    const place = (addresses: readonly number[]): number => {
      const words = heap.words();
      let at = addresses[table]! / 4;
      let first = 0;
      for (const { buffers, extent } of loops) {
        words[at++] = first;
        for (let i = 0; i < parameters; i++) words[at++] = addresses[buffers[i]!]!;
        first += extent;
      }
      words[at] = first;
      return addresses[table]!;
    };
    const shared = sharedBatch(members.map((step) => step.shared!), { func, rows, units, place });
    return { run: (addresses) => run(place(addresses), rows, 0, units), shared };
  }

  function dotStep(kernel: Kernel<"dot">): Made {
    const plan = prepareDot(kernel);
    const { own, pooled } = productFunctions(dotModule(plan.dtype, support.shared));
    return productStep(kernel, plan, own, pooled);
  }

  function convStep(kernel: Kernel<"conv">): Made {
    const plan = prepareConv(kernel);
    const dot = productFunctions(dotModule(plan.dtype, support.shared));
    const { own, pooled } = functionsOf<ConvFunctions>(plan.module(support.shared));
    return productStep(kernel, plan, { ...dot.own, ...own }, { ...dot.pooled, ...pooled });
  }

  function productStep<Functions extends DotFunctions>(
    kernel: Kernel<"dot" | "conv">,
    plan: DotPlan<Functions>,
    own: Functions,
    pooled: Readonly<Record<string, PoolFunction>>,
  ): Made {
    const [a, b] = kernel.operands.map((operand) => (operand as { buffer: number }).buffer);
    const out = kernel.output.buffer;
    const run: Run = (at, scratch) =>
      plan.run(own, at[out]!, at[a!]!, at[b!]!, scratch, 0, plan.units);
    return {
      step: { run, shared: sharedDot(kernel, plan, pooled, pool) },
      way: "generated",
      scratchBytes: plan.scratchBytes,
    };
  }

  /** A kernel of someone else, on views of the heap. */
  function otherStep(kernel: Kernel, run: KernelRun, way: string): Made {
    const viewer = (operand: KernelOperand): (addresses: readonly number[]) => TypedArray => {
      if ("literal" in operand) {
        const array = literalArray(operand);
        return () => array;
      }
      return (addresses) => viewAt(operand.spec, addresses[operand.buffer]!);
    };
    const out = viewer(kernel.output);
    const operands = kernel.operands.map(viewer);
    const onViews: Run = (addresses) =>
      run(out(addresses), operands.map((view) => view(addresses)));
    return { step: { run: onViews }, way, scratchBytes: 0 };
  }

  function viewAt({ dtype, shape }: TensorSpec, address: number): TypedArray {
    return viewOf(dtype, heap.bytes().buffer, address, sizeOf(shape));
  }

  function kernelStep(kernel: Kernel): Made {
    if (isProduct(kernel) || isConvolution(kernel)) {
      const product = others.product?.(kernel);
      if (product !== undefined) {
        return otherStep(kernel, (out, [a, b]) => product(out, a!, b!), "BLAS");
      }
      return isProduct(kernel) ? dotStep(kernel) : convStep(kernel);
    }
    return otherStep(kernel, others.prepare(kernel), "reference");
  }

  return (kernels, buffers, arenaBytes) => {
    const planned = [...buffers];
    let end = padded(arenaBytes);
    /** A further buffer in the arena. */
    const reserve = (byteLength: number): number => {
      const buffer = planned.push({ kind: "arena", byteOffset: end, byteLength }) - 1;
      end += padded(byteLength);
      return buffer;
    };
    /** The loops of each kernel that is made of loops. */
    const loops = kernels.map((kernel) => {
      const own = kernel.op === "loop" ? [kernel.loop] : loopsOf(kernel);
      return own?.filter(hasPoints).flatMap((loop) => {
        const split = splitReduction(loop, planned.length, splitting);
        split?.buffers.forEach(reserve);
        return split?.loops ?? [loop];
      });
    });
    const compiled = compileLoops(loops.flatMap((each) => each ?? []));
    let next = 0;
    const made = kernels.map((kernel, i) => {
      const own = loops[i];
      if (own === undefined) return [kernelStep(kernel as Kernel)];
      return own.map((loop) => loopStep(loop, compiled[next++]!));
    });
    const all = made.flat();
    const scratchEach = Math.max(0, ...all.map((each) => padded(each.scratchBytes)));
    const steps = all.map(({ step }) => step);
    const join = (members: readonly Step[]) => batchStep(members, reserve);
    const { runs, scratchBytes, together } = schedule(steps, planned, pool, scratchEach, join);
    next = 0;
    return {
      runs,
      scratchBytes,
      buffers: planned,
      arenaBytes: end,
      ways: made.map((each) => {
        const [first] = each;
        if (first === undefined) return "nothing to do";
        // A kernel of several steps runs like its first.
        const count = together[next]!;
        next += each.length;
        return count === 1 ? first.way : `${first.way}, ${count} in one`;
      }),
    };
  };
}

/** Whether it is a product of memory; one with a number in it is left to others. */
function isProduct(kernel: Kernel): kernel is Kernel<"dot"> {
  return kernel.op === "dot" && takesMemory(kernel);
}

/** As `isProduct`, for convolutions. */
function isConvolution(kernel: Kernel): kernel is Kernel<"conv"> {
  return kernel.op === "conv" && takesMemory(kernel);
}

function takesMemory({ operands }: Kernel): boolean {
  return operands.every((operand) => "buffer" in operand);
}

function hasPoints({ extents, reduced }: Loop): boolean {
  return !extents.slice(0, extents.length - reduced).includes(0);
}
