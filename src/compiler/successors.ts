import { sameShape, type TensorSpec } from "../core/shape.ts";
import type { Value } from "../graph/graph.ts";

/** An input that the caller donates. */
export interface Donor extends Value {
  /** Its position among the inputs. */
  readonly input: number;
}

/**
 * For outputs that look like the next value of a donated input, that input: `[params, state, loss]` comes from
 * `(params, state, batch)`. The donors in order are laid along the outputs where most specs agree. A guess: it decides
 * between places that are equally good otherwise.
 */
export function successorsOf(
  outputs: readonly Value[],
  donors: readonly Donor[],
): ReadonlyMap<number, number> {
  const matchesAt = (shift: number): Donor[] =>
    donors.filter(({ spec }, i) => {
      const output = outputs[i + shift];
      return output !== undefined && sameSpec(output.spec, spec);
    });
  let best = 0;
  let most = matchesAt(0).length;
  // What comes first in results besides the donated trees is a loss and the like: not many.
  for (let shift = 1; shift <= Math.min(8, outputs.length) && most < donors.length; shift++) {
    const { length } = matchesAt(shift);
    if (length > most) [best, most] = [shift, length];
  }
  const at = new Map(donors.map((donor, i) => [donor, i]));
  return new Map(
    matchesAt(best).map((donor) => [outputs[at.get(donor)! + best]!.id, donor.input]),
  );
}

function sameSpec(a: TensorSpec, b: TensorSpec): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}
