import { DifferentiationError } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CustomCall, CustomForward } from "./custom-call.ts";
import { currentStaging, finishedTransformation, innermostTrace, type Trace } from "./trace.ts";

/** Calls a function with a derivative of its own: hands it to the innermost transformation, or just runs it. */
export function callCustom(call: CustomCall, operands: readonly Tensor[]): readonly Tensor[] {
  const trace = innermostTrace(call.functionName, operands);
  const results = trace === undefined ? call.apply(operands) : trace.processCustom(call, operands);
  checkClosure(call, operands, results);
  return results;
}

/** Runs the forward part of the derivative. */
export function callForward(call: CustomCall, operands: readonly Tensor[]): CustomForward {
  const { outputs, residuals, backward } = call.forward(operands);
  checkClosure(call, operands, [...outputs, ...residuals]);
  return {
    outputs,
    residuals,
    backward(residuals, cotangents) {
      const parts = explained(call, () => backward(residuals, cotangents));
      const defined = parts.filter((part) => part !== undefined);
      checkClosure(call, [...residuals, ...cotangents], defined);
      return parts;
    },
  };
}

/** What only `backward` closes over comes from a transformation that has finished by then. */
function explained<Result>(call: CustomCall, body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    const transformation = finishedTransformation(error);
    throw transformation === undefined ? error : closureError(call, transformation);
  }
}

/** Whether a transformation that differentiates, or may be differentiated later, sees what is done with these. */
export function isDifferentiated(tensors: readonly Tensor[]): boolean {
  return currentStaging() !== undefined ||
    tensors.some((tensor) => tracesOf(tensor).some((trace) => trace.differentiates));
}

/**
 * Refuses results that came to a transformation by another way than through the operands: a tensor that the function
 * closes over would lose its gradient, or take the axis of its batch for another.
 */
export function checkClosure(
  call: CustomCall,
  operands: readonly Tensor[],
  results: readonly Tensor[],
): void {
  const known = new Set(operands.flatMap(tracesOf));
  // What is staged can be captured.
  const staging = currentStaging();
  for (const result of results) {
    const trace = tracesOf(result).find((trace) => !known.has(trace) && trace !== staging);
    if (trace !== undefined) throw closureError(call, trace.transformation);
  }
}

/** The error about a tensor that did not come as an argument. */
export function closureError(
  { functionName, name }: CustomCall,
  transformation: string,
): DifferentiationError {
  return new DifferentiationError(
    functionName,
    `${name} closes over a tensor that ${transformation} traces; its derivative rule knows nothing of it: ` +
      `pass the tensor as an argument`,
  );
}

/** All transformations that a tensor takes part in, from the innermost on. */
function tracesOf({ content }: Tensor): Trace[] {
  if (content.kind !== "traced") return [];
  const outer = content.underlying === undefined ? [] : tracesOf(content.underlying);
  return [content.trace as Trace, ...outer];
}
