import { isFloating } from "../core/dtype.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import { zerosLike } from "../ops/creation.ts";
import { add, cast } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { annotator } from "../tracing/annotate.ts";
import { bind } from "../tracing/bind.ts";
import { primitiveOf } from "../tracing/primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "../tracing/trace.ts";

/** One differentiable application of a primitive, as the tape remembers it. */
interface Entry {
  readonly name: PrimitiveName;
  readonly params: PrimitiveParams[PrimitiveName];
  readonly operands: readonly Tensor[];
  readonly result: Tensor;
  /** Slots of the operands; undefined for those that do not depend on the inputs. */
  readonly parents: readonly (number | undefined)[];
}

/** A function's value, and the map from cotangents of its outputs to cotangents of its inputs. */
export interface Reversed {
  /** The outputs without the trace. */
  readonly outputs: readonly Tensor[];
  pullback(cotangents: readonly (Tensor | undefined)[]): Tensor[];
}

/**
 * Reverse-mode differentiation. The function runs once, on tensors whose values are known (so that it may
 * branch on them), while a tape notes every differentiable primitive. The pullback walks the tape backwards.
 * Rules apply primitives to the values underneath, which outer transformations may be tracing in turn: that
 * is all that higher derivatives need.
 */
export function reverse(
  transformation: string,
  inputs: readonly Tensor[],
  f: (inputs: Tensor[], untrace: (tensor: Tensor) => Tensor) => readonly Tensor[],
): Reversed {
  // Slot i belongs to input i, slot inputs.length + i to entry i.
  const tape: Entry[] = [];

  const trace: Trace = {
    level: freshLevel(),
    transformation,
    active: true,
    process(name, params, operands) {
      const primals = operands.map(untrace);
      const result = bind(name, params, primals);
      if (primitiveOf(name).vjp === undefined || !isFloating(result.dtype)) return result;
      tape.push({ name, params, operands: primals, result, parents: operands.map(slotOf) });
      return annotate(result, inputs.length + tape.length - 1);
    },
  };

  // The note of a tensor is its slot.
  const { annotate, noteOf: slotOf, untrace } = annotator<number>(trace);

  const traced = withTrace(trace, false, () => {
    const results = f(inputs.map(annotate), untrace);
    results.forEach((result) => checkNotLeaked(transformation, result));
    return results;
  });
  const outputSlots = traced.map(slotOf);
  const outputs = traced.map(untrace);

  return {
    outputs,
    pullback(seeds) {
      const cotangents = new Array<Tensor | undefined>(inputs.length + tape.length);
      const accumulate = (slot: number | undefined, cotangent: Tensor | undefined): void => {
        if (slot === undefined || cotangent === undefined) return;
        const sum = cotangents[slot];
        cotangents[slot] = sum === undefined ? cotangent : sumOf(sum, cotangent);
      };
      outputSlots.forEach((slot, i) => accumulate(slot, seeds[i]));
      for (let i = tape.length - 1; i >= 0; i--) {
        const slot = inputs.length + i;
        const cotangent = cotangents[slot];
        if (cotangent === undefined) continue;
        cotangents[slot] = undefined;
        const { name, params, operands, result, parents } = tape[i]!;
        const needed = parents.map((parent) => parent !== undefined);
        const parts = primitiveOf(name).vjp!(params, cotangent, operands, result, needed);
        parents.forEach((parent, k) => accumulate(parent, parts[k]));
      }
      return inputs.map((input, i) => cotangents[i] ?? zerosLike(input));
    },
  };
}

/** bfloat16 only stores; its sums are taken in float32. */
function sumOf(a: Tensor, b: Tensor): Tensor {
  if (a.dtype !== "bfloat16") return add(a, b);
  return cast(add(cast(a, "float32"), cast(b, "float32")), "bfloat16");
}
