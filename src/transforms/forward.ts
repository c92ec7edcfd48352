import { isFloating } from "../core/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { annotator } from "../tracing/annotate.ts";
import { bind } from "../tracing/bind.ts";
import { primitiveOf } from "../tracing/primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "../tracing/trace.ts";

/** Forward-mode differentiation: every value carries its tangent along. */
export function forward(
  transformation: string,
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
  f: (inputs: Tensor[]) => readonly Tensor[],
): { outputs: Tensor[]; tangents: (Tensor | undefined)[] } {
  const trace: Trace = {
    level: freshLevel(),
    transformation,
    active: true,
    process(name, params, operands) {
      const primals = operands.map(untrace);
      const result = bind(name, params, primals);
      const { jvp } = primitiveOf(name);
      if (jvp === undefined || !isFloating(result.dtype)) return result;
      const tangent = jvp(params, operands.map(tangentOf), primals, result);
      return tangent === undefined ? result : annotate(result, tangent);
    },
  };

  const { annotate, noteOf: tangentOf, untrace } = annotator<Tensor>(trace);

  const results = withTrace(trace, false, () => {
    const results = f(inputs.map((input, i) => annotate(input, tangents[i]!)));
    results.forEach((result) => checkNotLeaked(transformation, result));
    return results;
  });
  return { outputs: results.map(untrace), tangents: results.map(tangentOf) };
}
