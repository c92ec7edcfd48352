import { isFloating } from "../core/dtype.ts";
import { Tensor, type Traced } from "../tensor/tensor.ts";
import { bind } from "../tracing/bind.ts";
import { primitiveOf } from "../tracing/primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "../tracing/trace.ts";

interface DualContent extends Traced {
  readonly underlying: Tensor;
  readonly tangent: Tensor;
}

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
      return tangent === undefined ? result : dual(result, tangent);
    },
  };

  function dual(primal: Tensor, tangent: Tensor): Tensor {
    const content: DualContent = {
      kind: "traced",
      trace,
      underlying: primal,
      hasValue: true,
      tangent,
    };
    return new Tensor(primal, content);
  }
  function ownContent({ content }: Tensor): DualContent | undefined {
    return content.kind === "traced" && content.trace === trace
      ? content as DualContent
      : undefined;
  }
  const untrace = (tensor: Tensor): Tensor => ownContent(tensor)?.underlying ?? tensor;
  const tangentOf = (tensor: Tensor): Tensor | undefined => ownContent(tensor)?.tangent;

  const results = withTrace(trace, false, () => {
    const results = f(inputs.map((input, i) => dual(input, tangents[i]!)));
    results.forEach((result) => checkNotLeaked(transformation, result));
    return results;
  });
  return { outputs: results.map(untrace), tangents: results.map(tangentOf) };
}
