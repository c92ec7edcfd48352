import type { Program } from "../backend/program.ts";
import type { Graph } from "../graph/graph.ts";
import { fuse } from "./fuse.ts";
import { primitivePasses } from "./passes.ts";
import { planPasses } from "./plan.ts";
import { type EvaluateScalar, simplify } from "./simplify.ts";
import { elementBytesOf, type Target } from "./target.ts";

/** What the compiler needs to know beside the graph. */
export interface CompileOptions {
  /** Positions of the inputs whose memory outputs may take over. */
  readonly donated?: ReadonlySet<number>;
  /** Computes scalar instructions exactly as the device would. */
  readonly evaluate: EvaluateScalar;
  /** What the program is for; where it takes no loops every instruction becomes one kernel. */
  readonly target: Target;
}

/** A compiled graph: what will run, and the graph that it was made from after simplification. */
export interface Compiled {
  readonly program: Program;
  readonly graph: Graph;
}

/** Graph -> simplify -> fuse -> plan -> Program. */
export function compile(graph: Graph, options: CompileOptions): Compiled {
  const simplified = simplify(graph, options.evaluate);
  const { target, donated = new Set() } = options;
  const passes = target.fuses ? fuse(simplified, target) : primitivePasses(simplified);
  return { program: planPasses(passes, donated, elementBytesOf(target)), graph: simplified };
}
