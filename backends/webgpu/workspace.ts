import type { BufferPlan } from "../../src/backend/program.ts";
import type { Shader } from "./shader.ts";

/** Memory that an executable needs while it runs, as slots that buffers share one after the other. */
export interface Workspace {
  /** The slot of each buffer that has one. */
  readonly slotOf: ReadonlyMap<number, number>;
  /** Bytes of each slot. */
  readonly slots: readonly number[];
}

/**
 * Gives every arena buffer, and every buffer between the stages of a kernel, a slot: a GPUBuffer of its own rather than
 * a piece of one large buffer, of which a shader could not bind one piece for reading and another for writing. Buffers
 * that are never in use at the same time share a slot.
 */
export function planWorkspace(
  buffers: readonly (BufferPlan | { readonly kind: "scratch"; readonly byteLength: number })[],
  shaders: readonly Shader[],
): Workspace {
  const lastUse = new Map<number, number>();
  shaders.forEach(({ bindings }, time) => {
    for (const { buffer } of bindings) {
      const { kind } = buffers[buffer]!;
      if (kind === "arena" || kind === "scratch") lastUse.set(buffer, time);
    }
  });

  const slotOf = new Map<number, number>();
  const slots: number[] = [];
  const free = new Set<number>();

  /** The smallest free slot that is large enough, else the largest one made larger, else a new one. */
  function take(byteLength: number): number {
    let best: number | undefined;
    for (const slot of free) {
      if (best === undefined || isBetter(slots[slot]!, slots[best]!, byteLength)) best = slot;
    }
    if (best === undefined) return slots.push(byteLength) - 1;
    free.delete(best);
    slots[best] = Math.max(slots[best]!, byteLength);
    return best;
  }

  shaders.forEach(({ bindings }, time) => {
    for (const { buffer } of bindings) {
      if (!lastUse.has(buffer) || slotOf.has(buffer)) continue;
      slotOf.set(buffer, take(buffers[buffer]!.byteLength));
    }
    for (const buffer of new Set(bindings.map((binding) => binding.buffer))) {
      if (lastUse.get(buffer) === time) free.add(slotOf.get(buffer)!);
    }
  });
  return { slotOf, slots };
}

function isBetter(size: number, best: number, wanted: number): boolean {
  if (size >= wanted) return best < wanted || size < best;
  return best < wanted && size > best;
}
