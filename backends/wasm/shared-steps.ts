/** Loops, batches of loops, and products as steps that can run in the pool. */
import type { Loop } from "../../src/backend/loop.ts";
import type { Kernel } from "../../src/backend/program.ts";
import type { DotFunctions, DotPlan } from "./dot.ts";
import { dotTasks } from "./dot-tasks.ts";
import { loopCost } from "./loop-cost.ts";
import type { CompiledLoop } from "./loop-modules.ts";
import type { Pool, PoolFunction, Task } from "./pool.ts";
import { chunkCost, type SharedStep, type StepTasks } from "./schedule.ts";

/** A loop as a step. */
export function sharedLoop(loop: Loop, { code, buffers, extent }: CompiledLoop): SharedStep {
  const cost = loopCost(loop);
  return {
    cost,
    divisible: extent > 1,
    reads: loop.statements.flatMap((each) => each.kind === "load" ? each.access.buffer : []),
    writes: loop.stores.map(({ access }) => access.buffer),
    tasks(divided) {
      const args: number[] = [...buffers];
      return {
        tasks: [unitsTask(code.single.func, args, extent, cost, divided)],
        place: (addresses) => buffers.forEach((buffer, i) => args[i] = addresses[buffer]!),
      };
    },
  };
}

/** Loops of one form as a step; `place` writes their table and gives its address. */
export function sharedBatch(
  steps: readonly SharedStep[],
  { func, rows, units, place }: {
    readonly func: PoolFunction;
    readonly rows: number;
    readonly units: number;
    readonly place: (addresses: readonly number[]) => number;
  },
): SharedStep {
  const cost = steps.reduce((sum, step) => sum + step.cost, 0);
  return {
    cost,
    divisible: units > 1,
    reads: steps.flatMap(({ reads }) => reads),
    writes: steps.flatMap(({ writes }) => writes),
    tasks(divided): StepTasks {
      const args = [0, rows];
      return {
        tasks: [unitsTask(func, args, units, cost, divided)],
        place: (addresses) => args[0] = place(addresses),
      };
    },
  };
}

/** A task of one function of units, which come behind the other arguments. */
function unitsTask(
  func: PoolFunction,
  args: number[],
  units: number,
  cost: number,
  divided: boolean,
): Task {
  if (divided) return { calls: [{ func, args }], units, chunk: chunkOf(units, cost) };
  args.push(0, units);
  return { calls: [{ func, args }] };
}

/** Points in a chunk; many of them in whole vectors. */
function chunkOf(extent: number, cost: number): number {
  const points = Math.ceil(extent * chunkCost / cost);
  return points < 64 ? points : Math.ceil(points / 16) * 16;
}

/** Multiplications and additions in a nanosecond. */
const dotSpeed = 40;
/** Units in a task, at least: each task copies what it needs of the operands. */
const leastUnits = 16;

/** A product or a convolution of two buffers as a step. */
export function sharedDot<Functions extends DotFunctions>(
  { operands, output }: Kernel<"dot" | "conv">,
  plan: DotPlan<Functions>,
  functions: Readonly<Record<string, PoolFunction>>,
  pool: Pool,
): SharedStep {
  const [a, b] = operands.map((operand) => (operand as { readonly buffer: number }).buffer);
  const cost = plan.flops / dotSpeed;
  return {
    cost,
    divisible: plan.units > 1,
    reads: [a!, b!],
    writes: [output.buffer],
    tasks(divided) {
      const parts = divided ? Math.min(2 * pool.threads, Math.ceil(cost / chunkCost)) : 1;
      const units = Math.ceil(plan.units / parts);
      const { tasks, place } = dotTasks(
        plan,
        functions,
        divided
          ? Math.min(
            Math.max(units, Math.min(leastUnits, Math.ceil(plan.units / 2))),
            plan.mostUnits,
          )
          : units,
      );
      return {
        tasks,
        place: (addresses) => place(addresses[output.buffer]!, addresses[a!]!, addresses[b!]!),
      };
    },
  };
}
