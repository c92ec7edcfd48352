/**
 * Products as tasks of the pool. Workers cannot run a plan, which is a function of this thread; but the calls that it
 * makes are the same every time, up to addresses. So they are noted once, with stand-ins for the addresses.
 */
import type { DotFunctions, DotPlan } from "./dot.ts";
import { inScratch, type PoolFunction, type Task } from "./pool.ts";

/** Tasks for addresses that may change from run to run. */
export interface PlacedTasks {
  /** Each can run at the same time as the others. */
  readonly tasks: readonly Task[];
  /** Writes addresses (in bytes) into the arguments. */
  place(out: number, a: number, b: number): void;
}

/** Argument `k * standIn + offset` is the address `offset` in out, a, b or the scratch memory (k = 1, 2, 3, 4). */
const standIn = 2 ** 40;

/** Cuts a product into tasks of `unitsEach` units. */
export function dotTasks<Functions extends DotFunctions>(
  plan: DotPlan<Functions>,
  functions: Readonly<Record<string, PoolFunction>>,
  unitsEach: number,
): PlacedTasks {
  const tasks: { readonly calls: { func: PoolFunction; args: number[] }[] }[] = [];
  const noted: { readonly args: number[]; readonly standIns: readonly number[] }[] = [];
  const note = (func: PoolFunction) => (...standIns: number[]): void => {
    const args = [...standIns];
    noted.push({ args, standIns });
    tasks.at(-1)!.calls.push({ func, args });
  };
  const noting = Object.fromEntries(
    Object.entries(functions).map(([name, func]) => [name, note(func)]),
  ) as unknown as Functions;
  for (let from = 0; from < plan.units; from += unitsEach) {
    tasks.push({ calls: [] });
    const to = Math.min(from + unitsEach, plan.units);
    plan.run(noting, standIn, 2 * standIn, 3 * standIn, 4 * standIn, from, to);
  }
  return {
    tasks,
    place(out, a, b) {
      const bases = [0, out, a, b, inScratch(0)];
      for (const { args, standIns } of noted) {
        for (let i = 0; i < standIns.length; i++) {
          const base = Math.floor(standIns[i]! / standIn);
          args[i] = standIns[i]! - base * standIn + bases[base]!;
        }
      }
    },
  };
}
