import type { ModuleMessage, ThreadState } from "./pool-work.ts";

/** Workers, with the numbers 1, 2, ... */
export interface Workers {
  /** How many have been started. */
  readonly count: number;
  /** Starts another one. It may join in later, or never. */
  start(): void;
  /** Gives a message to each from the given one on, counted from 0; false if they can take no more messages. */
  post(message: ModuleMessage, from?: number): boolean;
  close(): void;
}

/** No workers yet, for one memory and control block. `failed` is called when one has ended that should not have. */
export type CreateWorkers = (
  memory: WebAssembly.Memory,
  state: Omit<ThreadState, "thread">,
  failed: (error: unknown) => void,
) => Workers;

/** How threads are started, or why there are none. */
export type FoundThreads = { readonly create: CreateWorkers } | { readonly missing: string };
