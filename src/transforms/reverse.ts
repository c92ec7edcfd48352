import { isFloating } from "../core/dtype.ts";
import { zerosLike } from "../ops/creation.ts";
import { add, cast } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { annotator } from "../tracing/annotate.ts";
import { bind } from "../tracing/bind.ts";
import { callCustom, callForward, isDifferentiated } from "../tracing/call-custom.ts";
import { primitiveOf } from "../tracing/primitive.ts";
import { checkNotLeaked, freshLevel, type Trace, withTrace } from "../tracing/trace.ts";

/** One differentiable application of a primitive or of a function with its own rule, as the tape remembers it. */
interface Entry {
  /** Slots of the operands; undefined for those that do not depend on the inputs. */
  readonly parents: readonly (number | undefined)[];
  /** Slots of the results; undefined for those that carry no derivative. */
  readonly slots: readonly (number | undefined)[];
  /** The cotangents of the operands, given those of the results. */
  pull(cotangents: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
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
  // Slot i belongs to input i, further ones to results of the entries, in order.
  const tape: Entry[] = [];
  let slotCount = inputs.length;

  const trace: Trace = {
    level: freshLevel(),
    transformation,
    differentiates: true,
    active: true,
    process(name, params, operands) {
      const primals = operands.map(untrace);
      const result = bind(name, params, primals);
      const { vjp } = primitiveOf(name);
      if (vjp === undefined || !isFloating(result.dtype)) return result;
      const parents = operands.map(slotOf);
      const needed = parents.map((parent) => parent !== undefined);
      const slot = slotCount++;
      tape.push({
        parents,
        slots: [slot],
        pull: ([cotangent]) => vjp(params, cotangent!, primals, result, needed),
      });
      return annotate(result, slot);
    },
    processCustom(call, operands) {
      const primals = operands.map(untrace);
      const { outputs: own, residuals, backward } = callForward(call, primals);
      // A transformation around this one must see a function with its own rule too, not the inside of `forward`.
      const outputs = isDifferentiated(primals) ? callCustom(call, primals) : own;
      const slots = outputs.map(({ dtype }) => isFloating(dtype) ? slotCount++ : undefined);
      tape.push({
        parents: operands.map(slotOf),
        slots,
        pull: (cotangents) =>
          backward(residuals, outputs.map((output, i) => cotangents[i] ?? zerosLike(output))),
      });
      return outputs.map((output, i) =>
        slots[i] === undefined ? output : annotate(output, slots[i])
      );
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
      const cotangents = new Array<Tensor | undefined>(slotCount);
      const accumulate = (slot: number | undefined, cotangent: Tensor | undefined): void => {
        if (slot === undefined || cotangent === undefined) return;
        const sum = cotangents[slot];
        cotangents[slot] = sum === undefined ? cotangent : sumOf(sum, cotangent);
      };
      outputSlots.forEach((slot, i) => accumulate(slot, seeds[i]));
      for (const { parents, slots, pull } of tape.toReversed()) {
        const given = slots.map((slot) => slot === undefined ? undefined : cotangents[slot]);
        if (given.every((cotangent) => cotangent === undefined)) continue;
        for (const slot of slots) if (slot !== undefined) cotangents[slot] = undefined;
        const parts = pull(given);
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
