import type { DeviceName } from "../backend/registry.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { execute } from "./execute.ts";
import { innermostTrace } from "./trace.ts";

/**
 * Applies a primitive: hands it to the innermost transformation, or executes it where there is none; on the given
 * device if there are no operands to say where.
 */
export function bind<Name extends PrimitiveName>(
  name: Name,
  params: PrimitiveParams[Name],
  operands: readonly Tensor[],
  device?: DeviceName,
): Tensor {
  const trace = innermostTrace(name, operands);
  return trace === undefined
    ? execute(name, params, operands, device)
    : trace.process(name, params, operands);
}
