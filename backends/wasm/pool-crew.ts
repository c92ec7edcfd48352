/**
 * The workers of a pool: when they start, what they are given, and what happens when they can go on no more.
 *
 * They start when there has been enough to do. Where they can take no more modules, others take their place; when one
 * has failed, there are none from then on.
 */
import type { CreateWorkers, Workers } from "./pool-start.ts";
import { createState, layout, type ModuleMessage, type ThreadState } from "./pool-work.ts";

/** A module whose functions workers call. */
export interface PoolModule {
  readonly module: WebAssembly.Module;
  readonly names: readonly string[];
  /** The functions have numbers from here on. */
  readonly first: number;
  /** To which workers it was given last, and to how many of them. Not they themselves: nobody shall keep those of old. */
  generation: number;
  posted: number;
}

/** The workers of a pool. */
export interface Crew {
  /** Why there are no more. */
  readonly reason: string | undefined;
  /** Counts so many nanoseconds of work that they could have helped with, and starts some where that pays. */
  start(cost: number): void;
  /** The state that they share with the calling thread, if there are any and they have these modules. */
  stateWith(modules: Iterable<PoolModule>): ThreadState | undefined;
  forget(message: ModuleMessage): void;
  /** Ends them. */
  dismiss(why: string): void;
}

/**
 * The first worker starts when it could have helped with so many nanoseconds of work: about what starting a few of them
 * costs, of a processor everywhere, and in Deno of the time of this thread.
 */
const startCost = 100_000_000;

/** No workers yet, and at most so many. */
export function createCrew(memory: WebAssembly.Memory, create: CreateWorkers, most: number): Crew {
  let reason: string | undefined;
  /** Nanoseconds of work that a further worker could have helped with, and with how many it pays to start one. */
  let worked = 0;
  let price = startCost;
  let generation = 1;
  let [workers, state] = createWorkers();
  /** Whether these workers have taken part in anything yet. */
  let helped = false;

  function createWorkers(): [Workers, ThreadState] {
    const state = createState(true);
    const created = create(memory, state, (error) => {
      if (created === workers) dismiss(`a worker failed: ${error}`);
    });
    return [created, state];
  }

  /** None is at work: a dispatch lasts until all chunks are finished, and there is no other with this state. */
  function end(): void {
    const { control } = state;
    Atomics.store(control, layout.stop, 1);
    Atomics.add(control, layout.wake, 1);
    Atomics.notify(control, layout.wake);
    workers.close();
  }

  function dismiss(why: string): void {
    if (reason !== undefined) return;
    reason = why;
    end();
  }

  function replace(): void {
    end();
    generation++;
    [workers, state] = createWorkers();
    helped = false;
    // They have to pay off again.
    worked = 0;
    price = startCost;
  }

  /** Gives the workers a module, unless they have it; false if they cannot take it. */
  function give(to: PoolModule): boolean {
    const posted = to.generation === generation ? to.posted : 0;
    if (posted === workers.count) return true;
    const { module, first, names } = to;
    if (!workers.post({ module, first, names }, posted)) return false;
    to.generation = generation;
    to.posted = workers.count;
    return true;
  }

  return {
    get reason() {
      return reason;
    },
    start(cost) {
      // One after the other, where starting them keeps this thread from its work.
      while (reason === undefined && workers.count < most && worked >= price) {
        worked -= price;
        const before = performance.now();
        try {
          workers.start();
        } catch (error) {
          price = Infinity;
          if (workers.count === 0) dismiss(`workers do not start: ${error}`);
          break;
        }
        price = 1e6 * (performance.now() - before);
      }
      worked += cost;
    },
    stateWith(modules) {
      if (reason !== undefined || workers.count === 0) return undefined;
      for (const module of modules) {
        if (give(module)) continue;
        if (helped) replace();
        else dismiss("workers have no room for the modules of one dispatch");
        return undefined;
      }
      helped = true;
      return state;
    },
    forget(message) {
      // Where there is no room for this, there will be none for the next module either.
      if (reason === undefined) workers.post(message);
    },
    dismiss,
  };
}
