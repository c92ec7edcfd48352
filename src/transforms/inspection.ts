import type { DeviceName } from "../backend/registry.ts";
import { OptionError } from "../core/errors.ts";
import { describe } from "../core/value-kinds.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CompiledGraph } from "../tracing/execute.ts";

/** What a jitted function becomes for the arguments of a call. */
export interface Inspection {
  readonly name: string;
  readonly device: DeviceName;
  /** As traced, before it was simplified. */
  readonly graph: Graph;
  readonly compiled: CompiledGraph;
  /** What the program is run with, and which of that it writes over. */
  readonly inputs: readonly Tensor[];
  readonly donated: readonly boolean[];
}

type Inspect = (functionName: string, args: readonly unknown[]) => Inspection;

/** For each jitted function, what makes it ready for a call without making the call. */
export const inspectors: WeakMap<object, Inspect> = new WeakMap();

/**
 * Makes a jitted function ready for a call without making it.
 *
 * @throws {OptionError} if the function was not made by `jit`.
 */
export function inspect(
  functionName: string,
  jitted: (...args: never) => unknown,
  args: readonly unknown[],
): Inspection {
  const inspector = inspectors.get(jitted);
  if (inspector === undefined) {
    const name = typeof jitted === "function" && jitted.name || describe(jitted);
    throw new OptionError(functionName, `${name} was not made by jit; expected jit(f)`);
  }
  return inspector(functionName, args);
}
