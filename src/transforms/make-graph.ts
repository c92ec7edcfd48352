import { checkFunction } from "../core/options.ts";
import type { Graph } from "../graph/graph.ts";
import { flattenArguments, stageFunction } from "./stage-function.ts";

/**
 * Traces a function as `jit` would and gives its graph, not yet simplified, to look at: `String(graph)` is
 * one line an instruction.
 *
 * @throws {TracedValueError} if the function asks for the value of a traced tensor, or is async.
 * @throws {OptionError} if f is no function.
 *
 * @example
 * ```ts
 * import { makeGraph, mul, sum, type Tensor, tensor } from "softstep";
 *
 * const graph = makeGraph((x: Tensor) => sum(mul(x, 2)))(tensor([1, 2, 3]));
 * console.log(String(graph).split("\n")[1].trim()); // => %1: float32[3] = mul %0 2
 * ```
 */
export function makeGraph<Args extends readonly unknown[]>(
  f: (...args: Args) => unknown,
): (...args: Args) => Graph {
  checkFunction("makeGraph", "f", f);
  return (...args) => {
    const flat = flattenArguments("makeGraph", args);
    return stageFunction("makeGraph", f, flat).staged.graph;
  };
}
