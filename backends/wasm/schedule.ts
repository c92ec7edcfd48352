/**
 * Which steps of a program run in the pool, and how: consecutive steps become one dispatch if enough of its work can
 * be shared. Steps that do not depend on each other share a phase; large steps are divided, small ones put together.
 */
import type { BufferPlan } from "../../src/backend/program.ts";
import type { Call, Pool, Task } from "./pool.ts";

/** Runs steps, given where each buffer lies and where scratch memory does. */
export type Run = (addresses: readonly number[], scratch: number) => void;

/** One kernel. */
export interface Step {
  /** In this thread. */
  readonly run: Run;
  /** As tasks, where it can run in the pool. */
  readonly shared?: SharedStep;
}

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

interface Phase {
  readonly steps: SharedStep[];
  cost: number;
}

/** Nanoseconds of work that are worth being claimed by a thread. */
export const chunkCost = 20_000;
/** A task has to fit into the table of a dispatch. */
const mostCalls = 1000;
/** Nanoseconds that threads must be able to save by working together. */
const leastShared = 100_000;

/** The steps as they are best run, in order, and the scratch memory that they need. */
export function schedule(
  steps: readonly Step[],
  buffers: readonly BufferPlan[],
  pool: Pool,
  scratchEach: number,
): { readonly runs: readonly Run[]; readonly scratchBytes: number } {
  const runs: Run[] = [];
  let scratchBytes = scratchEach;
  let group: Step[] = [];
  const endGroup = () => {
    const phases = phasesOf(group.map(({ shared }) => shared!), buffers);
    if (pool.threads > 1 && sharedCost(phases) >= leastShared) {
      runs.push(dispatchOf(phases, pool, scratchEach));
      scratchBytes = scratchEach * pool.threads;
    } else {
      runs.push(...group.map(({ run }) => run));
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
  return { runs, scratchBytes };
}

/** Cuts steps where one depends on another of its phase. */
function phasesOf(steps: readonly SharedStep[], buffers: readonly BufferPlan[]): Phase[] {
  const phases: Phase[] = [];
  let read = new Set<number>();
  let written = new Set<number>();
  /** Whether a buffer is one of `others`, or lies over one of them in the arena. */
  const touches = (buffer: number, others: Set<number>): boolean => {
    const plan = buffers[buffer]!;
    if (plan.kind !== "arena") return others.has(buffer);
    for (const other of others) {
      const there = buffers[other]!;
      if (
        there.kind === "arena" && plan.byteOffset < there.byteOffset + there.byteLength &&
        there.byteOffset < plan.byteOffset + plan.byteLength
      ) return true;
    }
    return false;
  };
  for (const step of steps) {
    const waits = step.reads.some((buffer) => touches(buffer, written)) ||
      step.writes.some((buffer) => touches(buffer, read) || touches(buffer, written));
    if (phases.length === 0 || waits) {
      phases.push({ steps: [], cost: 0 });
      read = new Set();
      written = new Set();
    }
    const phase = phases.at(-1)!;
    phase.steps.push(step);
    phase.cost += step.cost;
    for (const buffer of step.reads) read.add(buffer);
    for (const buffer of step.writes) written.add(buffer);
  }
  return phases;
}

/** The cost of what more than one thread can work on. */
function sharedCost(phases: readonly Phase[]): number {
  return phases.reduce((sum, { steps, cost }) => {
    const whole = steps.map((step) => step.divisible ? Math.min(step.cost, chunkCost) : step.cost);
    return sum + cost - Math.max(...whole);
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
    const isSmall = phase.cost < chunkCost;
    if (!isSmall || small === undefined || small.calls.length > mostCalls) {
      small = undefined;
      made.push(tasks);
    }
    for (const step of phase.steps) {
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
    cost += phase.cost;
  }
  return (addresses, address) => {
    for (const each of placed) each.place(addresses);
    pool.run(made, { cost, scratch: { address, bytes: scratchEach } });
  };
}
