import type { DeviceName } from "../backend/registry.ts";
import type { Graph } from "../graph/graph.ts";
import type { CompiledGraph } from "../tracing/execute.ts";

/** What a jitted function becomes for the arguments of a call. */
export interface Inspection {
  readonly name: string;
  readonly device: DeviceName;
  /** As traced, before it was simplified. */
  readonly graph: Graph;
  readonly compiled: CompiledGraph;
}

/** For each jitted function, what makes it ready for a call without making the call. */
export const inspectors: WeakMap<object, (args: readonly unknown[]) => Inspection> = new WeakMap();
