import type { Backend, Executable } from "../../src/backend/backend.ts";
import type { Program } from "../../src/backend/program.ts";
import { dtypes } from "../../src/core/dtype.ts";
import { createHeap, padded } from "./heap.ts";
import { liftLiterals } from "./literals.ts";
import { createPool } from "./pool.ts";
import { createSteps, type OtherKernels } from "./steps.ts";
import { bytesOf, copyOf, createStore, type WasmBuffer } from "./store.ts";
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
    const inArena = buffers.flatMap((plan, i) => plan.kind === "arena" ? { i, plan } : []);
    const outside = buffers.flatMap((plan, i) =>
      plan.kind === "arena" ? [] : { i, plan, isWritten: written.has(i) }
    );
    const position = new Map(outside.map(({ i }, k) => [i, k]));
    const outputs = program.outputs.map(({ buffer }) => position.get(buffer)!);
    /** Of this run or the last one. */
    const addresses = new Array<number>(buffers.length).fill(0);
    let placedAt = -1;

    function run(inputs: Parameters<Executable["run"]>[0]): WasmBuffer[] {
      // Buffers that do not live in the heap are copied into the workspace, behind the arena and scratch memory.
      let end = stagedAt;
      const staged: number[] = [];
      const held = outside.map(({ i, plan, isWritten }, k) => {
        const buffer = plan.kind === "input"
          ? store.settle(inputs[plan.input]!, isWritten)
          : store.create(plan.byteLength);
        if (buffer.block !== undefined) {
          addresses[i] = buffer.block.address;
        } else {
          addresses[i] = end;
          end += padded(plan.byteLength);
          staged.push(k);
        }
        return buffer;
      });
      const base = store.workspace(end);
      if (base !== placedAt) {
        for (const { i, plan } of inArena) addresses[i] = base + plan.byteOffset;
        placedAt = base;
      }
      for (const k of staged) {
        const { i, plan } = outside[k]!;
        const { block, data } = held[k]!;
        addresses[i] = block?.address ?? addresses[i]! + base;
        // An input that is given twice may have moved into the heap the second time.
        if (plan.kind === "input" && block === undefined) heap.bytes().set(data!, addresses[i]);
      }
      for (const each of runs) each(addresses, base + scratchAt);
      return outputs.map((k) => {
        const buffer = held[k]!;
        if (buffer.block === undefined) {
          const address = addresses[outside[k]!.i]!;
          if (buffer.data === undefined) buffer.data = copyOf(heap, address, buffer.byteLength);
          else buffer.data.set(bytesOf(heap, address, buffer.byteLength));
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
    sweeps: () => true,
    upload: store.upload,
    download: (buffer, dtype) => Promise.resolve(store.download(buffer, dtype)),
    downloadSync: store.download,
    free: store.free,
    compile,
    describe() {
      const fused =
        { on: ", relaxed FMA", off: "", missing: ", no FMA in this runtime" }[support.fma];
      return pool.reason === undefined
        ? `wasm, ${pool.threads} threads${fused}`
        : `wasm, one thread${fused}: ${pool.reason}`;
    },
    memory: store.statistics,
  };
}
