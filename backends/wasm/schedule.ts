/**
 * Which steps of a program run in the pool, and how: consecutive steps become one dispatch if enough of its work can
 * be shared. Steps that do not depend on each other share a phase; there, loops of one form become one step, large
 * steps are divided and small ones put together.
 */
import type { BufferPlan } from "../../src/backend/program.ts";
import type { CompiledLoop } from "./loop-modules.ts";
import type { Call, Pool, Task } from "./pool.ts";

/** Runs steps, given where each buffer lies and where scratch memory does. */
export type Run = (addresses: readonly number[], scratch: number) => void;

/** One kernel. */
export interface Step {
  /** In this thread. */
  readonly run: Run;
  /** As tasks, where it can run in the pool. */
  readonly shared?: SharedStep;
  /** A loop, which can run together with others of its form. */
  readonly loop?: CompiledLoop;
}

/** Makes one step of several loops of one form that do not depend on each other. */
export type Join = (steps: readonly Step[]) => Step;

/** A kernel that can run in the pool. */
export interface SharedStep {
  /** Nanoseconds in one thread, roughly. */
  readonly cost: number;
  /** Whether it can be divided. */
  readonly divisible: boolean;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Whole: calls for one thread, without a range. */
  tasks(divided: boolean): StepTasks;
}

/** The tasks of a step; `place` writes the addresses into them. */
export interface StepTasks {
  readonly tasks: readonly Task[];
  place(addresses: readonly number[]): void;
}

/** Steps that do not depend on each other. */
type Phase = readonly Step[];

/** Nanoseconds of work that are worth being claimed by a thread. */
export const chunkCost = 20_000;
/** A task has to fit into the table of a dispatch. */
const mostCalls = 1000;
/** Nanoseconds that threads must be able to save by working together. */
const leastShared = 100_000;
/** Units of a batch are counted in 32 bits. */
const mostUnits = 2 ** 31 - 1;

/** The steps as they are best run, the scratch memory that they need, and for each step how many run as one with it. */
export function schedule(
  steps: readonly Step[],
  buffers: readonly BufferPlan[],
  pool: Pool,
  scratchEach: number,
  join: Join,
): {
  readonly runs: readonly Run[];
  readonly scratchBytes: number;
  readonly together: readonly number[];
} {
  const runs: Run[] = [];
  const together = new Map<Step, number>();
  let scratchBytes = scratchEach;
  let group: Step[] = [];
  const endGroup = () => {
    const phases = phasesOf(group, buffers).map((phase) => joined(phase, join, together));
    if (pool.threads > 1 && sharedCost(phases) >= leastShared) {
      runs.push(dispatchOf(phases, pool, scratchEach));
      scratchBytes = scratchEach * pool.threads;
    } else {
      runs.push(...phases.flat().map(({ run }) => run));
    }
    group = [];
  };
  for (const step of steps) {
    if (step.shared !== undefined) {
      group.push(step);
    } else {
      endGroup();
      runs.push(step.run);
    }
  }
  endGroup();
  return { runs, scratchBytes, together: steps.map((step) => together.get(step) ?? 1) };
}

/** Puts each step into the first phase after all that it depends on. */
function phasesOf(steps: readonly Step[], buffers: readonly BufferPlan[]): Phase[] {
  const phases: Step[][] = [];
  const neighbours = overlaps(buffers);
  /** The first phases after what reads a buffer, and after what writes it. */
  const read = new Map<number, number>();
  const written = new Map<number, number>();
  for (const step of steps) {
    const { reads, writes } = step.shared!;
    let phase = 0;
    const comesAfter = (buffer: number, times: Map<number, number>): void => {
      phase = Math.max(phase, times.get(buffer) ?? 0);
      for (const other of neighbours.get(buffer) ?? []) {
        phase = Math.max(phase, times.get(other) ?? 0);
      }
    };
    for (const buffer of reads) comesAfter(buffer, written);
    for (const buffer of writes) {
      comesAfter(buffer, read);
      comesAfter(buffer, written);
    }
    if (phase === phases.length) phases.push([]);
    phases[phase]!.push(step);
    for (const buffer of reads) read.set(buffer, Math.max(read.get(buffer) ?? 0, phase + 1));
    for (const buffer of writes) written.set(buffer, phase + 1);
  }
  return phases;
}

/** The other buffers that lie over each buffer of the arena. */
function overlaps(buffers: readonly BufferPlan[]): Map<number, number[]> {
  const arena = buffers.flatMap((plan, buffer) =>
    plan.kind === "arena" && plan.byteLength > 0
      ? [{ buffer, start: plan.byteOffset, end: plan.byteOffset + plan.byteLength }]
      : []
  ).sort((a, b) => a.start - b.start);
  const found = new Map(arena.map(({ buffer }) => [buffer, [] as number[]]));
  arena.forEach(({ buffer, end }, i) => {
    for (let j = i + 1; j < arena.length && arena[j]!.start < end; j++) {
      found.get(buffer)!.push(arena[j]!.buffer);
      found.get(arena[j]!.buffer)!.push(buffer);
    }
  });
  return found;
}

/** A phase in which loops of one form are one step; `together` learns how many. */
function joined(phase: Phase, join: Join, together: Map<Step, number>): Phase {
  const forms = new Map<unknown, Step[]>();
  for (const step of phase) {
    const form = step.loop?.code ?? step;
    const steps = forms.get(form);
    if (steps === undefined) forms.set(form, [step]);
    else steps.push(step);
  }
  return [...forms.values()].flatMap((steps) => {
    const units = steps.reduce((sum, { loop }) => sum + (loop?.extent ?? 0), 0);
    if (steps.length === 1 || units > mostUnits) return steps;
    for (const step of steps) together.set(step, steps.length);
    return join(steps);
  });
}

const costOf = (phase: Phase): number => phase.reduce((sum, { shared }) => sum + shared!.cost, 0);

/** The cost of what more than one thread can work on. */
function sharedCost(phases: readonly Phase[]): number {
  return phases.reduce((sum, phase) => {
    const whole = phase.map(({ shared }) =>
      shared!.divisible ? Math.min(shared!.cost, chunkCost) : shared!.cost
    );
    return sum + costOf(phase) - Math.max(...whole);
  }, 0);
}

function dispatchOf(phases: readonly Phase[], pool: Pool, scratchEach: number): Run {
  const placed: StepTasks[] = [];
  const made: Task[][] = [];
  /** What the next small step joins, and its cost. */
  let small: { readonly calls: Call[]; cost: number } | undefined;
  let cost = 0;
  for (const phase of phases) {
    const tasks: Task[] = [];
    // Small phases in a row are done by one thread, one after the other.
    const phaseCost = costOf(phase);
    const isSmall = phaseCost < chunkCost;
    if (!isSmall || small === undefined || small.calls.length > mostCalls) {
      small = undefined;
      made.push(tasks);
    }
    for (const { shared } of phase) {
      const step = shared!;
      const divided = step.divisible && step.cost >= 2 * chunkCost;
      const of = step.tasks(divided);
      placed.push(of);
      if (divided || step.cost >= chunkCost) {
        tasks.push(...of.tasks);
        continue;
      }
      if (small === undefined || (!isSmall && small.cost >= chunkCost)) {
        small = { calls: [], cost: 0 };
        tasks.push(small);
      }
      small.calls.push(...of.tasks.flatMap(({ calls }) => calls));
      small.cost += step.cost;
    }
    if (!isSmall) small = undefined;
    cost += phaseCost;
  }
  return (addresses, address) => {
    for (const each of placed) each.place(addresses);
    pool.run(made, { cost, scratch: { address, bytes: scratchEach } });
  };
}
