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
 * sleep when there is nothing to do, and never keep the process alive. Where they can take no more modules, others
 * take their place; when one has failed or was ended from outside, the calling thread works alone from then on.
 *
 * A worker that is killed in the middle of a chunk leaves `run` waiting for ever. The event that tells of its end comes
 * only when the calling thread rests, and without it nothing in shared memory distinguishes a dead thread from one that
 * is slow. After a guess `run` could neither compute the chunk again (it may have written over its operands in part) nor
 * fail (a thread that was only slow would go on writing to memory that by then belongs to others). Errors inside of a
 * chunk are caught, and nobody else has a handle on the workers, so that takes a runtime which kills single threads.
 */
import { DeviceError } from "../../src/core/errors.ts";
import { createCrew, type Crew, type PoolModule } from "./pool-crew.ts";
import type { FoundThreads } from "./pool-start.ts";
import { checkThreads, defaultThreads } from "./pool-threads.ts";
import {
  awaitDone,
  createState,
  layout,
  type Native,
  tableLength,
  type ThreadState,
  workOnChunks,
} from "./pool-work.ts";
import { findWorkers } from "./pool-workers.ts";

/** A function of a module that the pool knows. The module is forgotten when nothing refers to this any more. */
export interface PoolFunction {
  readonly id: number;
  readonly from: PoolModule;
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
  /** The calling thread is one of them. Both may change when workers fail. */
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
  /** How workers are started; by default as this runtime does it. */
  readonly found?: FoundThreads;
}

/** The argument that stands for an address in the scratch memory of the thread that makes the call. */
export function inScratch(offset: number): number {
  return layout.scratch + offset;
}

/** Makes a pool. */
export function createPool(
  { memory, threads = defaultThreads(), threshold = 100_000, found }: PoolOptions,
): Pool {
  checkThreads("createPool", threads);
  let reason: string | undefined;
  let crew: Crew | undefined;
  if (threads === 1) reason = "one thread was asked for, or there is one processor";
  else if (!isShared(memory)) reason = "the memory is not shared";
  else {
    found ??= findWorkers();
    if ("missing" in found) reason = found.missing;
    else crew = createCrew(memory, found.create, threads - 1);
  }

  const whyAlone = (): string | undefined => reason ?? crew?.reason;

  /** For work that is not shared. */
  const alone = createState(false);
  const natives: (Native | undefined)[] = [];
  let nextFunction = 0;
  let dispatches = 0;

  const forgotten = new FinalizationRegistry<{ forget: number; count: number }>((message) => {
    for (let i = 0; i < message.count; i++) natives[message.forget + i] = undefined;
    crew?.forget(message);
  });

  /** Sees that this thread has a function. */
  function instantiate({ id, from }: PoolFunction): void {
    if (natives[id] !== undefined) return;
    const { exports } = new WebAssembly.Instance(from.module, { env: { memory } });
    from.names.forEach((name, i) => natives[from.first + i] = exports[name] as Native);
  }

  /** What the threads share, if they shall work together. */
  function stateFor(phases: readonly (readonly Task[])[], cost: number): ThreadState {
    if (crew === undefined || cost < threshold) return alone;
    crew.start(cost);
    return crew.stateWith(modulesOf(phases)) ?? alone;
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
      return whyAlone() === undefined ? threads : 1;
    },
    get reason() {
      return whyAlone();
    },
    register(module) {
      const names = WebAssembly.Module.exports(module)
        .filter(({ kind }) => kind === "function").map(({ name }) => name);
      const from: PoolModule = {
        module,
        names,
        first: nextFunction,
        generation: 0,
        posted: 0,
      };
      nextFunction += names.length;
      forgotten.register(from, { forget: from.first, count: names.length });
      return Object.fromEntries(names.map((name, i) => [name, { id: from.first + i, from }]));
    },
    run(phases, { cost, scratch }) {
      const state = stateFor(phases, cost);
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
            instantiate(func);
            table[at++] = func.id;
            table[at++] = args.length;
            for (const arg of args) table[at++] = arg;
          }
          chunks += units === undefined ? 1 : Math.ceil(units / chunk);
        }
      }
      flush();
    },
    dispose: () => crew?.dismiss("the pool was disposed of"),
  };
}

function* modulesOf(phases: readonly (readonly Task[])[]): Iterable<PoolModule> {
  for (const tasks of phases) {
    for (const { calls } of tasks) for (const { func } of calls) yield func.from;
  }
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
}
