import type { Program } from "../backend/program.ts";
import type { Graph } from "../graph/graph.ts";
import { plan } from "./plan.ts";
import { type EvaluateScalar, simplify } from "./simplify.ts";

/** What the compiler needs to know beside the graph. */
export interface CompileOptions {
  /** Positions of the inputs whose memory outputs may take over. */
  readonly donated?: ReadonlySet<number>;
  /** Computes scalar instructions exactly as the device would. */
  readonly evaluate: EvaluateScalar;
}

/** A compiled graph: what will run, and the graph that it was made from after simplification. */
export interface Compiled {
  readonly program: Program;
  readonly graph: Graph;
}

/**
 * Graph -> simplify -> plan -> Program. Every instruction becomes one kernel: a `fuse` stage belongs between
 * the two, and changes neither of them.
 */
export function compile(graph: Graph, options: CompileOptions): Compiled {
  const simplified = simplify(graph, options.evaluate);
  const program = plan(simplified, options.donated ?? new Set());
  return { program, graph: simplified };
}
