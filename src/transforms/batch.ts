import { cast, reduceSum } from "../primitives/mod.ts";
import { withBatch } from "../primitives/batching.ts";
import { Tensor, type Traced } from "../tensor/tensor.ts";
import { callCustom, callForward } from "../tracing/call-custom.ts";
import type { CustomCall, CustomForward } from "../tracing/custom-call.ts";
import { primitiveOf } from "../tracing/primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "../tracing/trace.ts";

/** Tensors of which some carry a batch as axis 0. */
export interface Batch {
  readonly wholes: readonly Tensor[];
  readonly batched: readonly boolean[];
}

/** Runs a function once for a whole batch; it sees one example. */
export function mapBatch(
  transformation: string,
  size: number,
  { wholes, batched }: Batch,
  f: (examples: Tensor[]) => readonly Tensor[],
): Batch {
  const trace: Trace = {
    level: freshLevel(),
    transformation,
    differentiates: false,
    active: true,
    process(name, params, operands) {
      const { wholes, batched } = batchOf(operands);
      return traced(primitiveOf(name).batch(params, wholes, batched, size));
    },
    processCustom(call, operands) {
      const { wholes, batched } = batchOf(operands);
      return callCustom(batchedCall(transformation, call, size, batched), wholes).map(traced);
    },
  };

  function traced(whole: Tensor): Tensor {
    const content: Traced = { kind: "traced", trace, underlying: whole, hasValue: false };
    return new Tensor({ shape: whole.shape.slice(1), dtype: whole.dtype }, content);
  }

  function wholeOf({ content }: Tensor): Tensor | undefined {
    return content.kind === "traced" && content.trace === trace ? content.underlying : undefined;
  }

  function batchOf(tensors: readonly Tensor[]): Batch {
    return {
      wholes: tensors.map((tensor) => wholeOf(tensor) ?? tensor),
      batched: tensors.map((tensor) => wholeOf(tensor) !== undefined),
    };
  }

  return withTrace(trace, false, () => {
    const results = f(wholes.map((whole, i) => batched[i] ? traced(whole) : whole));
    for (const result of results) checkNotLeaked(transformation, result);
    return batchOf(results);
  });
}

/** All with the batch as axis 0. */
export function wholesOf({ wholes, batched }: Batch, size: number): Tensor[] {
  return wholes.map((whole, i) => withBatch(whole, batched[i]!, size));
}

/** A function with a derivative of its own, for a whole batch: so has the result. */
function batchedCall(
  transformation: string,
  call: CustomCall,
  size: number,
  batched: readonly boolean[],
): CustomCall {
  const map = (batch: Batch, f: (examples: Tensor[]) => readonly Tensor[]) =>
    mapBatch(transformation, size, batch, f);

  function forward(wholes: readonly Tensor[]): CustomForward {
    let one: CustomForward;
    const { wholes: all, batched: flags } = map({ wholes, batched }, (examples) => {
      one = callForward(call, examples);
      return [...one.outputs, ...one.residuals];
    });
    const count = one!.outputs.length;
    const residualFlags = flags.slice(count);
    return {
      outputs: all.slice(0, count).map((whole, i) => withBatch(whole, flags[i]!, size)),
      residuals: all.slice(count),
      backward(residuals, cotangents) {
        const given: Batch = {
          wholes: [...residuals, ...cotangents],
          batched: [...residualFlags, ...cotangents.map(() => true)],
        };
        let present: number[] = [];
        const parts = map(given, (examples) => {
          const parts = one.backward(
            examples.slice(0, residuals.length),
            examples.slice(residuals.length),
          );
          present = parts.flatMap((part, i) => part === undefined ? [] : [i]);
          return parts.filter((part) => part !== undefined);
        });
        const result = new Array<Tensor | undefined>(batched.length).fill(undefined);
        wholesOf(parts, size).forEach((part, k) => {
          const operand = present[k]!;
          // An operand that is the same for all examples gets a part from each.
          result[operand] = batched[operand] ? part : sumOfBatch(part);
        });
        return result;
      },
    };
  }

  return {
    ...call,
    apply: (wholes) => wholesOf(map({ wholes, batched }, call.apply), size),
    forward,
  };
}

/** bfloat16 only stores; its sums are taken in float32. */
function sumOfBatch(x: Tensor): Tensor {
  if (x.dtype !== "bfloat16") return reduceSum(x, [0]);
  return cast(reduceSum(cast(x, "float32"), [0]), "bfloat16");
}
