/** How many threads the pool has. */
import { OptionError } from "../../src/core/errors.ts";

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
  readonly Deno?: {
    readonly permissions: {
      querySync(query: { name: "env"; variable: string }): { readonly state: string };
    };
  };
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly getBuiltinModule?: (
      name: "node:os",
    ) => { availableParallelism(): number } | undefined;
  };
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

function environmentVariable(variable: string): string | undefined {
  const { Deno, process } = globalThis as Platform;
  // Deno would stop and ask the user for permission.
  const allowed = Deno === undefined ||
    Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  return allowed ? process?.env?.[variable] : undefined;
}

function processors(): number {
  const { navigator, process } = globalThis as Platform;
  return navigator?.hardwareConcurrency ??
    process?.getBuiltinModule?.("node:os")?.availableParallelism() ?? 1;
}
