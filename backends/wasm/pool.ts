/**
 * Threads for the WebAssembly backend.
 *
 * ```text
 * const pool = createPool({ memory });                 // shared; nothing is started yet
 * const { loop } = pool.register(module);              // imports { env: { memory } }
 * const task = { calls: [{ func: loop, args: [out, a] }], units: 4096, chunk: 256 };
 * pool.run([[task, otherTask], [nextTask]], { cost: 1e6 }); // loop(out, a, begin, end) for each chunk
 * ```
 *
 * `run` returns when all is done. The calling thread works too; threads claim chunks one by one, so results may not
 * depend on who takes which. Ranges are those that the tasks say for any number of threads. Tasks of one phase run
 * at the same time; a phase begins when the one before is finished. Workers start when there has been enough to do,
 * sleep when there is nothing to do, and never keep the process alive.
 */
import { DeviceError } from "../../src/core/errors.ts";
import { checkThreads, defaultThreads } from "./pool-threads.ts";
import {
  awaitDone,
  controlLength,
  layout,
  type Native,
  type ThreadState,
  workOnChunks,
} from "./pool-work.ts";
import type { CreateWorkers } from "./pool-start.ts";
import { findWorkers } from "./pool-workers.ts";

/** A function of a module that the pool knows. */
export interface PoolFunction {
  readonly id: number;
  readonly from: PoolModule;
}

/** A module that the pool knows. It is forgotten when nothing refers to this any more. */
interface PoolModule {
  readonly module: WebAssembly.Module;
  readonly names: readonly string[];
  /** The functions have numbers from here on. */
  readonly first: number;
  /** How many workers have it. */
  posted: number;
}

/** A call of a function. */
export interface Call {
  readonly func: PoolFunction;
  /** Integers and addresses; with a range, its begin and end follow. See `inScratch`. */
  readonly args: readonly number[];
}

/** Calls that follow each other in one thread. */
export interface Task {
  readonly calls: readonly Call[];
  /** With it every call is made for ranges of [0, units), `chunk` units each. */
  readonly units?: number;
  readonly chunk?: number;
}

/** What `run` is told besides. */
export interface RunOptions {
  /** Nanoseconds that one thread would need, roughly. */
  readonly cost: number;
  /** Memory for each thread: `bytes` times the pool's threads from `address` on. */
  readonly scratch?: { readonly address: number; readonly bytes: number };
}

/** Threads that work together on one memory. */
export interface Pool {
  /** The calling thread is one of them. */
  readonly threads: number;
  /** Why there is only one thread. */
  readonly reason: string | undefined;
  /** The functions that a module exports, by name. */
  register(module: WebAssembly.Module): Readonly<Record<string, PoolFunction>>;
  /** Runs phases of tasks. Throws a DeviceError with the first error of a function. */
  run(phases: readonly (readonly Task[])[], options: RunOptions): void;
  /** Ends the workers. */
  dispose(): void;
}

/** What a pool is made with. */
export interface PoolOptions {
  readonly memory: WebAssembly.Memory;
  /** SOFTSTEP_THREADS, or else as many as there are processors. */
  readonly threads?: number;
  /** Nanoseconds of work from which on workers help: to wake them takes about as long. */
  readonly threshold?: number;
}

/** The argument that stands for an address in the scratch memory of the thread that makes the call. */
export function inScratch(offset: number): number {
  return layout.scratch + offset;
}

/** Numbers in the table of a dispatch; what does not fit is cut into several. */
const tableLength = 1 << 17;

/**
 * The first worker starts when it could have helped with so many nanoseconds of work: about what starting a few of them
 * costs, of a processor everywhere, and in Deno of the time of this thread.
 */
const startCost = 100_000_000;

/** Makes a pool. */
export function createPool(
  { memory, threads = defaultThreads(), threshold = 100_000 }: PoolOptions,
): Pool {
  checkThreads("createPool", threads);
  let create: CreateWorkers | undefined;
  let reason: string | undefined;
  if (threads === 1) reason = "one thread was asked for, or there is one processor";
  else if (!isShared(memory)) reason = "the memory is not shared";
  else {
    const found = findWorkers();
    if ("missing" in found) reason = found.missing;
    else create = found.create;
  }
  if (reason !== undefined) threads = 1;

  /** For work that is not shared. */
  const alone = createState(false);
  const together = threads > 1 ? createState(true) : undefined;
  const natives: (Native | undefined)[] = [];
  const workers = together && create!(memory, together);
  let nextFunction = 0;
  let dispatches = 0;
  /** Nanoseconds of work that a further worker could have helped with, and with how many it pays to start one. */
  let worked = 0;
  let price = startCost;

  const forgotten = new FinalizationRegistry<{ forget: number; count: number }>((message) => {
    for (let i = 0; i < message.count; i++) natives[message.forget + i] = undefined;
    workers?.post(message);
  });

  function stateFor(cost: number): ThreadState {
    if (workers === undefined || threads === 1 || cost < threshold) return alone;
    startWhatPays();
    worked += cost;
    return workers.count > 0 ? together! : alone;
  }

  /** One worker after the other, where starting them keeps this thread from its work. */
  function startWhatPays(): void {
    while (workers!.count < threads - 1 && worked >= price) {
      worked -= price;
      const before = performance.now();
      try {
        workers!.start();
      } catch (error) {
        price = Infinity;
        if (workers!.count > 0) return;
        threads = 1;
        reason = `workers do not start: ${error}`;
        return;
      }
      price = 1e6 * (performance.now() - before);
    }
  }

  /** Sees that the threads have a function. */
  function provide({ id, from }: PoolFunction, toWorkers: boolean): void {
    if (natives[id] === undefined) {
      const { exports } = new WebAssembly.Instance(from.module, { env: { memory } });
      from.names.forEach((name, i) => natives[from.first + i] = exports[name] as Native);
    }
    if (toWorkers && from.posted < workers!.count) {
      const { module, first, names } = from;
      workers!.post({ module, first, names }, from.posted);
      from.posted = workers!.count;
    }
  }

  function dispatch(state: ThreadState, chunks: number, scratch: RunOptions["scratch"]): void {
    const { control, table } = state;
    table.set([++dispatches, chunks, scratch?.address ?? 0, scratch?.bytes ?? 0]);
    Atomics.store(control, layout.done, 0);
    Atomics.store(control, layout.failed, 0);
    Atomics.store(control, layout.awaited, 0x7fffffff);
    Atomics.store(control, layout.remaining, chunks);
    if (state !== alone) {
      Atomics.add(control, layout.wake, 1);
      if (Atomics.load(control, layout.sleeping) > 0) {
        Atomics.notify(control, layout.wake, chunks - 1);
      }
    }
    workOnChunks(state, awaitDone, (id) => natives[id]!);
    awaitDone(state, chunks);
    if (Atomics.load(control, layout.failed) !== 0) {
      const text = control.subarray(layout.text + 1).subarray(0, control[layout.text]!);
      throw new DeviceError("wasm", `a kernel failed: ${String.fromCharCode(...text)}`);
    }
  }

  return {
    get threads() {
      return threads;
    },
    get reason() {
      return reason;
    },
    register(module) {
      const names = WebAssembly.Module.exports(module)
        .filter(({ kind }) => kind === "function").map(({ name }) => name);
      const from: PoolModule = { module, names, first: nextFunction, posted: 0 };
      nextFunction += names.length;
      forgotten.register(from, { forget: from.first, count: names.length });
      return Object.fromEntries(names.map((name, i) => [name, { id: from.first + i, from }]));
    },
    run(phases, { cost, scratch }) {
      const state = stateFor(cost);
      const { table } = state;
      let at = layout.header;
      let chunks = 0;
      const flush = () => {
        if (chunks > 0) {
          table[at + 1] = Infinity;
          dispatch(state, chunks, scratch);
        }
        at = layout.header;
        chunks = 0;
      };
      for (const phase of phases) {
        let phaseStart = chunks;
        for (const { calls, units, chunk = units ?? 1 } of phase) {
          if (units === 0) continue;
          const size = calls.reduce((sum, { args }) => sum + 2 + args.length, 6);
          if (at + size + 2 > tableLength) {
            flush();
            phaseStart = 0;
            if (at + size + 2 > tableLength) throw new RangeError("pool: the task is too long");
          }
          table.set([size, chunks, phaseStart, units ?? -1, chunk, calls.length], at);
          at += 6;
          for (const { func, args } of calls) {
            provide(func, state !== alone);
            table[at++] = func.id;
            table[at++] = args.length;
            for (const arg of args) table[at++] = arg;
          }
          chunks += units === undefined ? 1 : Math.ceil(units / chunk);
        }
      }
      flush();
    },
    dispose() {
      if (together !== undefined) {
        Atomics.store(together.control, layout.stop, 1);
        Atomics.add(together.control, layout.wake, 1);
        Atomics.notify(together.control, layout.wake);
      }
      workers?.close();
      threads = 1;
      reason = "the pool was disposed of";
    },
  };
}

function createState(shared: boolean): ThreadState {
  const buffer = (bytes: number) => shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  return {
    layout,
    control: new Int32Array(buffer(4 * controlLength)),
    table: new Float64Array(buffer(8 * tableLength)),
    thread: 0,
  };
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
}
