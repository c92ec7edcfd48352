/** Loops and products as steps that can run in the pool. */
import type { Loop } from "../../src/backend/loop.ts";
import type { Kernel } from "../../src/backend/program.ts";
import type { DotFunctions, DotPlan } from "./dot.ts";
import { dotTasks } from "./dot-tasks.ts";
import { loopCost } from "./loop-cost.ts";
import type { Call, Pool, PoolFunction, Task } from "./pool.ts";
import { chunkCost, type SharedStep } from "./schedule.ts";

/** A loop: `func(addresses of buffers..., begin, end)` for ranges of `extent`. */
export interface PooledLoop {
  readonly func: PoolFunction;
  readonly buffers: readonly number[];
  readonly extent: number;
}

/** A loop as a step. */
export function sharedLoop(loop: Loop, { func, buffers, extent }: PooledLoop): SharedStep {
  const cost = loopCost(loop);
  return {
    cost,
    divisible: extent > 1,
    reads: loop.statements.flatMap((each) => each.kind === "load" ? each.access.buffer : []),
    writes: loop.stores.map(({ access }) => access.buffer),
    tasks(divided) {
      const args = divided ? [...buffers] : [...buffers, 0, extent];
      const calls: Call[] = [{ func, args }];
      const task: Task = divided
        ? { calls, units: extent, chunk: chunkOf(extent, cost) }
        : { calls };
      return {
        tasks: [task],
        place: (addresses) => buffers.forEach((buffer, i) => args[i] = addresses[buffer]!),
      };
    },
  };
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
