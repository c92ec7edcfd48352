import { isFloating } from "../core/dtype.ts";
import { DifferentiationError } from "../core/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { annotator } from "../tracing/annotate.ts";
import { bind } from "../tracing/bind.ts";
import { callCustom } from "../tracing/call-custom.ts";
import type { CustomCall } from "../tracing/custom-call.ts";
import { primitiveOf } from "../tracing/primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "../tracing/trace.ts";

/** In place of a tangent: a function whose derivative goes backward only has a say in the value. */
interface NoTangent {
  readonly madeBy: CustomCall;
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
    differentiates: true,
    active: true,
    process(name, params, operands) {
      const primals = operands.map(untrace);
      const result = bind(name, params, primals);
      const { jvp } = primitiveOf(name);
      if (jvp === undefined || !isFloating(result.dtype)) return result;
      const notes = operands.map(noteOf);
      const missing = notes.find(isMissing);
      if (missing !== undefined) return annotate(result, missing);
      const tangent = jvp(params, notes as (Tensor | undefined)[], primals, result);
      return tangent === undefined ? result : annotate(result, tangent);
    },
    // The value may still serve where no tangent is asked for, as in the derivative of a gradient.
    processCustom(call, operands) {
      const outputs = callCustom(call, operands.map(untrace));
      return outputs.map((output) =>
        isFloating(output.dtype) ? annotate(output, { madeBy: call }) : output
      );
    },
  };

  const { annotate, noteOf, untrace } = annotator<Tensor | NoTangent>(trace);

  const results = withTrace(trace, false, () => {
    const results = f(inputs.map((input, i) => annotate(input, tangents[i]!)));
    results.forEach((result) => checkNotLeaked(transformation, result));
    return results;
  });
  return {
    outputs: results.map(untrace),
    tangents: results.map((result) => {
      const note = noteOf(result);
      if (isMissing(note)) throw missingRule(transformation, note.madeBy);
      return note;
    }),
  };
}

function isMissing(note: Tensor | NoTangent | undefined): note is NoTangent {
  return note !== undefined && !(note instanceof Tensor);
}

function missingRule(
  transformation: string,
  { functionName, name }: CustomCall,
): DifferentiationError {
  return new DifferentiationError(
    transformation,
    `${name} has a derivative of its own, made by ${functionName}, which goes backward only; expected grad, ` +
      `valueAndGrad or vjp in place of ${transformation}`,
  );
}
