/** Programs on one of gpu.js's modes. */
import type { AnyKernel, Kernel, Program } from "../../src/backend/program.ts";
import { prepareCustomKernel } from "./custom-step.ts";
import { functionsNamed } from "./functions.ts";
import { buffersOf } from "./kernel-buffers.ts";
import { kernelsOf } from "./kernels-of.ts";
import type { LoopKernels } from "./loop-kernels.ts";
import type { Mode, RunKernel } from "./mode.ts";

/** Memory that a program is run on and that may be exchanged for other memory of the same length. */
export interface Box<M> {
  memory: M;
}

/** Runs a program: inputs that it writes over get other memory, outputs are boxes of inputs or new memory. */
export interface PreparedProgram<M> {
  run(inputs: readonly Box<M>[]): (Box<M> | M)[];
  readonly ways: readonly string[];
}

/** One kernel of the program. */
interface Step<M> {
  readonly kernels: readonly {
    readonly run: RunKernel<M>;
    readonly arrays: readonly number[];
    readonly result: number;
  }[];
  /** What gpu.js cannot do of it. */
  readonly elsewhere?: (memoryOf: (buffer: number) => M) => void;
  /** What takes the place of which buffer in the end. */
  readonly results: LoopKernels["results"];
  /** Buffers of the arena that nothing reads after it. */
  readonly dead: readonly number[];
}

/** Makes a program ready. */
export function prepareProgram<M>(program: Program, mode: Mode<M>): PreparedProgram<M> {
  const { buffers, kernels, outputs } = program;
  const byteLengthOf = (buffer: number): number => buffers[buffer]!.byteLength;
  const dead = deadAfter(program);
  const prepared = kernels.map((kernel, i) =>
    prepareStep(kernel, dead[i]!, mode, byteLengthOf, buffers.length)
  );
  const steps = prepared.map(({ step }) => step);

  function run(inputs: readonly Box<M>[]): (Box<M> | M)[] {
    const memory: (M | undefined)[] = buffers.map((plan) =>
      plan.kind === "input" ? inputs[plan.input]!.memory : undefined
    );
    // What nothing has written is written now, or empty.
    const memoryOf = (buffer: number): M => memory[buffer] ??= mode.allocate(byteLengthOf(buffer));
    const release = (buffer: number): void => {
      const held = memory[buffer];
      if (held !== undefined) mode.release(held);
      memory[buffer] = undefined;
    };
    for (const { kernels, elsewhere, results, dead } of steps) {
      for (const { run, arrays, result } of kernels) memory[result] = run(arrays.map(memoryOf));
      elsewhere?.(memoryOf);
      for (const { owned, buffer } of results) {
        release(buffer);
        const made = memory[buffer] = memory[owned]!;
        memory[owned] = undefined;
        const plan = buffers[buffer]!;
        if (plan.kind === "input") inputs[plan.input]!.memory = made;
      }
      for (let owned = buffers.length; owned < memory.length; owned++) release(owned);
      dead.forEach(release);
    }
    return outputs.map(({ buffer }) => {
      const plan = buffers[buffer]!;
      return plan.kind === "input" ? inputs[plan.input]! : memoryOf(buffer);
    });
  }

  return { run, ways: prepared.map(({ way }) => way) };
}

function prepareStep<M>(
  kernel: AnyKernel,
  dead: readonly number[],
  mode: Mode<M>,
  byteLengthOf: (buffer: number) => number,
  firstFree: number,
): { step: Step<M>; way: string } {
  if (kernel.op === "customKernel") {
    const own = prepareCustomKernel(kernel as Kernel<"customKernel">, mode);
    if (own !== undefined) {
      const results = [{ owned: firstFree, buffer: kernel.output.buffer }];
      return { step: { kernels: [{ ...own, result: firstFree }], results, dead }, way: "gpu.js" };
    }
  }
  const { kernels, owned, results, rest } = kernelsOf(
    kernel,
    mode.limits,
    (buffer) => byteLengthOf(buffer) / 4,
    firstFree,
  );
  const lengthOf = (buffer: number): number =>
    buffer < firstFree ? byteLengthOf(buffer) / 4 : owned[buffer - firstFree]!;
  const step: Step<M> = {
    kernels: kernels.map(({ source, functions, arrays, numbers, output, result }) => ({
      run: mode.compile({
        source,
        functions: functionsNamed(functions),
        arrays: arrays.map(({ buffer, dtype }) => ({ size: [lengthOf(buffer)], dtype })),
        numbers,
        output,
        dtype: result.dtype,
      }),
      arrays: arrays.map(({ buffer }) => buffer),
      result: result.buffer,
    })),
    ...(rest !== undefined && { elsewhere: mode.compileElsewhere(rest) }),
    results,
    dead,
  };
  const ways = [
    ...(kernels.length > 0 || rest === undefined ? ["gpu.js"] : []),
    ...(rest === undefined ? [] : ["host"]),
  ];
  return { step, way: ways.join(" and ") };
}

/** For each kernel the buffers of the arena that nothing uses after it. */
function deadAfter({ buffers, kernels, outputs }: Program): number[][] {
  const last = new Map<number, number>();
  kernels.forEach((kernel, i) => buffersOf(kernel).forEach(({ buffer }) => last.set(buffer, i)));
  const kept = new Set(outputs.map(({ buffer }) => buffer));
  const dead = kernels.map((): number[] => []);
  for (const [buffer, i] of last) {
    if (buffers[buffer]!.kind === "arena" && !kept.has(buffer)) dead[i]!.push(buffer);
  }
  return dead;
}
