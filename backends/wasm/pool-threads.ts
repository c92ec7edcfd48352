/** How many threads the pool has. */
import { OptionError } from "../../src/core/errors.ts";
import { environmentVariable } from "../../src/core/environment.ts";

/** More than these were never measured, and each costs time to start. */
const mostByDefault = 16;

/** The threads asked for by the environment variable SOFTSTEP_THREADS, or else as many as there are processors. */
export function defaultThreads(): number {
  const asked = environmentVariable("SOFTSTEP_THREADS");
  if (asked === undefined || asked === "") return Math.min(processors(), mostByDefault);
  return checkThreads("SOFTSTEP_THREADS", Number(asked), JSON.stringify(asked));
}

/** Throws where `threads` is not a positive integer. */
export function checkThreads(name: string, threads: number, given = `${threads}`): number {
  if (Number.isInteger(threads) && threads >= 1) return threads;
  throw new OptionError(name, `expected a positive integer of threads, but got ${given}`);
}

interface Platform {
  readonly process?: {
    readonly getBuiltinModule?: (
      name: "node:os",
    ) => { availableParallelism(): number } | undefined;
  };
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

function processors(): number {
  const { navigator, process } = globalThis as Platform;
  const count = navigator?.hardwareConcurrency ??
    process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? 1;
  // In a browser the page itself wants one.
  return process === undefined && count > 2 ? count - 1 : count;
}
