import type { Program } from "../backend/program.ts";
import type { Graph } from "../graph/graph.ts";
import { fuse } from "./fuse.ts";
import { primitivePasses } from "./passes.ts";
import { planPasses } from "./plan.ts";
import { type EvaluateScalar, simplify } from "./simplify.ts";

/** What the compiler needs to know beside the graph. */
export interface CompileOptions {
  /** Positions of the inputs whose memory outputs may take over. */
  readonly donated?: ReadonlySet<number>;
  /** Computes scalar instructions exactly as the device would. */
  readonly evaluate: EvaluateScalar;
  /** Whether the backend takes loops; without it every instruction becomes one kernel. */
  readonly fuse?: boolean;
}

/** A compiled graph: what will run, and the graph that it was made from after simplification. */
export interface Compiled {
  readonly program: Program;
  readonly graph: Graph;
}

/** Graph -> simplify -> fuse -> plan -> Program. */
export function compile(graph: Graph, options: CompileOptions): Compiled {
  const simplified = simplify(graph, options.evaluate);
  const passes = options.fuse ? fuse(simplified) : primitivePasses(simplified);
  return { program: planPasses(passes, options.donated ?? new Set()), graph: simplified };
}
