import type { ModuleMessage, ThreadState } from "./pool-work.ts";

/** Workers, with the numbers 1, 2, ... */
export interface Workers {
  /** How many have been started. */
  readonly count: number;
  /** Starts another one. It may join in later, or never. */
  start(): void;
  /** Gives a message to each from the given one on, counted from 0. */
  post(message: ModuleMessage, from?: number): void;
  close(): void;
}

/** No workers yet, for one memory and control block. */
export type CreateWorkers = (
  memory: WebAssembly.Memory,
  state: Omit<ThreadState, "thread">,
) => Workers;

/** How threads are started, or why there are none. */
export type FoundThreads = { readonly create: CreateWorkers } | { readonly missing: string };
