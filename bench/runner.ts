import type { Case, Numbers, Prepared } from "./case.ts";
import { cases } from "./cases/mod.ts";
import { childCommand, runOnce } from "./child.ts";
import { type BenchDevice, isAsynchronous } from "./devices.ts";
import { medianCall, medianOfBatches, medianTime } from "./measure.ts";

/** What a runner says about a case that it was asked to prepare. */
export type Readiness =
  | { readonly ready: true; readonly check?: number; readonly note?: string }
  | { readonly ready: false; readonly reason: string };

/** A library, on a device, that is timed. */
export interface Runner {
  readonly name: string;
  prepare(name: string, numbers: Numbers): Promise<Readiness>;
  /** The median time of a call in nanoseconds. */
  sample(milliseconds: number): Promise<number>;
  /** Lets go of what was prepared. */
  release(): Promise<void>;
  /** Runs a case in a process of its own; absent where there is nothing of the kind. */
  readonly fresh?: (name: string) => Promise<Readonly<Record<string, number>>>;
  close(): void;
}

/** softstep itself, in this process. */
export function softstepRunner({ name: device, finish }: BenchDevice): Runner {
  let prepared: Prepared | undefined;
  let timesCalls = false;
  const waits = isAsynchronous(device);
  const known = new Map<string, Case>(cases.map((each) => [each.name, each]));
  return {
    name: device === "cpu" ? "softstep" : `softstep ${device}`,
    async prepare(name, numbers) {
      const found = known.get(name)!;
      timesCalls = found.timesCalls ?? false;
      if (timesCalls && !waits) return { ready: false, reason: "a call does all of the work" };
      prepared = await found.prepare(numbers, device);
      return { ready: true, check: prepared.check };
    },
    sample(milliseconds) {
      const { step } = prepared!;
      if (timesCalls) return medianCall(step, finish, milliseconds);
      return waits ? medianOfBatches(step, finish, milliseconds) : medianTime(step, milliseconds);
    },
    release() {
      prepared = undefined;
      return Promise.resolve();
    },
    fresh: (name) =>
      runOnce(childCommand(new URL(`./fresh/${name}.ts`, import.meta.url), [device])),
    close() {},
  };
}
