import type { Backend, Executable } from "../../src/backend/backend.ts";
import type { Program } from "../../src/backend/program.ts";
import { dtypes } from "../../src/core/dtype.ts";
import { createHeap, padded } from "./heap.ts";
import { liftLiterals } from "./literals.ts";
import { createPool } from "./pool.ts";
import { createSteps, type OtherKernels } from "./steps.ts";
import { bytesOf, createStore, type WasmBuffer } from "./store.ts";
import { wasmSupport } from "./support.ts";

/** What the backend is given. */
export interface WasmOptions extends OtherKernels {
  /** Bytes of the heap that tensors may hold before they become ordinary arrays; 256 MiB by default. */
  readonly budget?: number;
  /** Threads that work on a program; by default as `createPool` says. */
  readonly threads?: number;
}

/** WebAssembly generated at run time: loop nests and matrix products, on several threads. */
export function wasmBackend(options: WasmOptions): Backend {
  const { budget = 2 ** 28, threads } = options;
  const support = wasmSupport();
  const heap = createHeap(support.shared);
  const store = createStore(heap, budget);
  const pool = createPool({ memory: heap.memory, ...(threads === undefined ? {} : { threads }) });
  const stepsOf = createSteps(heap, pool, support, options);

  function compile(program: Program): Executable {
    const lifted = liftLiterals(program);
    if (lifted !== undefined) {
      const { run, ways } = compile(lifted.program);
      return { run: () => run(lifted.literals.map(store.upload)), ways: ways! };
    }
    const { runs, scratchBytes, buffers, arenaBytes, ways } = stepsOf(
      program.kernels,
      program.buffers,
      program.arenaBytes,
    );
    const written = new Set(program.outputs.map(({ buffer }) => buffer));
    const scratchAt = padded(arenaBytes);
    const stagedAt = scratchAt + padded(scratchBytes);

    function run(inputs: Parameters<Executable["run"]>[0]): WasmBuffer[] {
      // Buffers that do not live in the heap are copied into the workspace, behind the arena and scratch memory.
      let end = stagedAt;
      const places = buffers.map((plan, i): { buffer?: WasmBuffer; at: number } => {
        if (plan.kind === "arena") return { at: plan.byteOffset };
        const buffer = plan.kind === "input"
          ? store.settle(inputs[plan.input]!, written.has(i))
          : store.create(plan.byteLength);
        const at = end;
        if (buffer.block === undefined) end += padded(plan.byteLength);
        return { buffer, at };
      });
      const base = store.workspace(end);
      const addresses = places.map(({ buffer, at }, i) => {
        if (buffer?.block !== undefined) return buffer.block.address;
        if (buffer !== undefined && buffers[i]!.kind === "input") {
          heap.bytes().set(buffer.data!, base + at);
        }
        return base + at;
      });
      for (const each of runs) each(addresses, base + scratchAt);
      return program.outputs.map(({ buffer: i }) => {
        const buffer = places[i]!.buffer!;
        if (buffer.block === undefined) {
          buffer.data!.set(bytesOf(heap, addresses[i]!, buffer.byteLength));
        }
        return buffer;
      });
    }
    return { run, ways };
  }

  return {
    name: "wasm",
    dtypes,
    fuses: true,
    upload: store.upload,
    download: (buffer, dtype) => Promise.resolve(store.download(buffer, dtype)),
    downloadSync: store.download,
    compile,
    describe: () =>
      pool.reason === undefined
        ? `wasm, ${pool.threads} threads`
        : `wasm, one thread: ${pool.reason}`,
    memory: store.statistics,
  };
}
