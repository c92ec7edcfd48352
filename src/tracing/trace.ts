import { TracedValueError } from "../core/errors.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import { currentOwner, setOwner } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CustomCall } from "./custom-call.ts";

/**
 * A running transformation. It sees every primitive that is applied to one of its tensors, or (if it stages)
 * every primitive whatever it is applied to.
 */
export interface Trace {
  /** Inner transformations have higher levels. */
  readonly level: number;
  readonly transformation: string;
  /** Whether its tensors carry derivatives. */
  readonly differentiates: boolean;
  /** False once the transformed function has returned; its tensors must not be used from then on. */
  active: boolean;
  process<Name extends PrimitiveName>(
    name: Name,
    params: PrimitiveParams[Name],
    operands: readonly Tensor[],
  ): Tensor;
  /** Calls a function that has a derivative of its own. */
  processCustom(call: CustomCall, operands: readonly Tensor[]): readonly Tensor[];
}

// The tracer is a dynamic scope: this state lives only while a transformed function is being called.
let nextLevel = 1;
let staging: Trace | undefined;
let running = 0;

/** A level above all that are running. */
export function freshLevel(): number {
  return nextLevel++;
}

/** The innermost transformation that stages everything (`jit`), if one is running. */
export function currentStaging(): Trace | undefined {
  return staging;
}

/** Whether a transformed function is being called. */
export function isTransforming(): boolean {
  return running > 0;
}

/** Runs `body` inside a transformation and closes it afterwards. */
export function withTrace<Result>(trace: Trace, stages: boolean, body: () => Result): Result {
  const outer = staging;
  const owner = currentOwner();
  running++;
  if (stages) {
    staging = trace;
    // What a graph holds lives as long as the graph.
    setOwner(undefined);
  }
  try {
    return body();
  } finally {
    running--;
    trace.active = false;
    staging = outer;
    setOwner(owner);
  }
}

/** The innermost trace that has a say in a primitive on these operands. */
export function innermostTrace(
  functionName: string,
  operands: readonly Tensor[],
): Trace | undefined {
  let innermost = staging;
  for (const operand of operands) {
    checkNotLeaked(functionName, operand);
    const { content } = operand;
    if (content.kind !== "traced") continue;
    const trace = content.trace as Trace;
    if (innermost === undefined || trace.level > innermost.level) innermost = trace;
  }
  return innermost;
}

/** Refuses a tensor of a transformation that has finished. */
export function checkNotLeaked(functionName: string, tensor: Tensor): void {
  const { content } = tensor;
  if (content.kind !== "traced" || (content.trace as Trace).active) return;
  const { transformation } = content.trace;
  const error = new TracedValueError(
    functionName,
    `${tensor} was kept after ${transformation} had finished; return it from the ` +
      `transformed function instead of storing it outside`,
  );
  leaks.set(error, transformation);
  throw error;
}

const leaks = new WeakMap<object, string>();

/** The transformation that a tensor outlived, if that is what an error is about. */
export function finishedTransformation(error: unknown): string | undefined {
  return typeof error === "object" && error !== null ? leaks.get(error) : undefined;
}
