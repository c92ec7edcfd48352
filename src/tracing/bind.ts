import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { execute } from "./execute.ts";
import { innermostTrace } from "./trace.ts";

/** Applies a primitive: hands it to the innermost transformation, or executes it where there is none. */
export function bind<Name extends PrimitiveName>(
  name: Name,
  params: PrimitiveParams[Name],
  operands: readonly Tensor[],
): Tensor {
  const trace = innermostTrace(name, operands);
  return trace === undefined
    ? execute(name, params, operands)
    : trace.process(name, params, operands);
}
