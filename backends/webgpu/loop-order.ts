import { argumentsOf, type Statement } from "../../src/backend/loop.ts";
import { slow } from "../../src/backend/slow-operations.ts";
import type { Level } from "./loop-axes.ts";
import type { LoopPlan } from "./loop-plan.ts";

/** What values are for: a store, or the step of reductions. */
export interface Sink {
  /** The statements whose values it takes. */
  readonly needs: readonly number[];
  readonly text: string;
}

/** What is computed in a sweep and at a level by a text of its own, in order. */
export function computedAt(
  { loop: { statements }, levels, sweepOf }: LoopPlan,
  sweep: number,
  level: Level,
): number[] {
  return statements.flatMap(({ kind }, index) =>
    sweepOf[index] === sweep && levels[index] === level && kind !== "literal" && kind !== "reduce"
      ? [index]
      : []
  );
}

/**
 * Loads that give all points the same number, from buffers that are only read. Before an invocation asks whether it has
 * a point, they are one load for all of them on devices that run invocations as vectors.
 */
export function constantLoads({ loop: { statements, stores }, axes, sweepOf }: LoopPlan): number[] {
  const written = new Set(stores.map(({ access }) => access.buffer));
  return statements.flatMap((statement, index) =>
    statement.kind === "load" && sweepOf[index] === 0 && !written.has(statement.access.buffer) &&
      axes.walkOf(statement).strides.every((stride) => stride === 0)
      ? [index]
      : []
  );
}

/**
 * Statements and sinks in turn: all loads come first, so that all memory is asked for at once, and no store comes before
 * a load of what it overwrites; then, for each sink, what it still lacks. A sink comes some operations after its values:
 * devices that keep the order would wait for them there, and values that wait longer need registers.
 */
export function orderFor(
  statements: readonly Statement[],
  computed: readonly number[],
  sinks: readonly Sink[],
): (number | Sink)[] {
  const isLoad = (index: number) => statements[index]!.kind === "load";
  const order: (number | Sink)[] = computed.filter(isLoad);
  const waiting: { readonly sink: Sink; readonly until: number }[] = [];
  let operations = 0;
  let left = computed.filter((index) => !isLoad(index));
  for (const sink of sinks) {
    const needed = new Set(sink.needs);
    // What a statement reads comes before it.
    for (const index of left.toReversed()) {
      if (needed.has(index)) argumentsOf(statements[index]!).forEach((arg) => needed.add(arg));
    }
    for (const index of left.filter((index) => needed.has(index))) {
      while (waiting.length > 0 && waiting[0]!.until <= operations) {
        order.push(waiting.shift()!.sink);
      }
      order.push(index);
      operations += operationsOf(statements[index]!);
    }
    left = left.filter((index) => !needed.has(index));
    waiting.push({ sink, until: operations + 12 });
  }
  return [...order, ...waiting.map(({ sink }) => sink)];
}

/** About how many instructions a statement is. */
function operationsOf(statement: Statement): number {
  return statement.kind === "apply" && slow.has(statement.op) ? 20 : 1;
}
