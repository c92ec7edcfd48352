import { NeedsMemory } from "./fuse-needs-memory.ts";
import { type Roles, turnsOf, valuesOf } from "./fuse-roles.ts";
import { isComputed, type LoopBody } from "./fuse-sweeps.ts";

/** A value that a loop keeps for its later sweeps in the memory of a result, until that is stored. */
export interface Kept {
  readonly id: number;
  /** The sweep that computes it. */
  readonly sweep: number;
  readonly place: number;
}

/** What a loop with several sweeps reads again rather than compute it again. */
export interface Keeping {
  /**
   * Called where a sweep needs a value at every point: the value whose memory holds it since an earlier sweep, if it
   * shall be read from there. Sweeps come in order.
   *
   * @throws {NeedsMemory} if it takes too long to be computed again, and there is no place for it.
   */
  placeOf(id: number, sweep: number, isInPlace: () => boolean): number | undefined;
  kept(): readonly Kept[];
}

/** To store a value and to load it again takes about as long as this many instructions. */
const keptTurns = 4;
/** What takes longer than that is never computed again. */
const mostTurns = 100;

/**
 * `results` are what the loop stores at every point, `firstOf` tells in which sweep. If `sparing`, places are left to
 * what cannot do without.
 */
export function createKeeping(
  roles: Roles,
  body: LoopBody,
  results: readonly number[],
  firstOf: (id: number, outer: boolean) => number,
  sparing: boolean,
): Keeping {
  const { producers, specs } = roles;
  const computedIn = new Map<number, number>();
  const kept = new Map<number, Kept>();

  /** About how many instructions it takes to compute a value at a point. */
  function costOf(id: number): number {
    if (body.levels.get(id)) return 0;
    if (!isComputed(roles, body, id)) return 1;
    const producer = producers[id]!;
    let cost = turnsOf(producer);
    for (const operand of valuesOf(producer)) {
      if (cost > mostTurns) break;
      cost += costOf(operand.id);
    }
    return cost;
  }

  function placeFor(id: number, until: number): number | undefined {
    const taken = new Set([...kept.values()].map(({ place }) => place));
    const { dtype } = specs[id]!;
    let best: number | undefined;
    for (const place of results) {
      const fits = !taken.has(place) && specs[place]!.dtype === dtype;
      if (!fits || firstOf(place, false) < until) continue;
      if (best === undefined || firstOf(place, false) > firstOf(best, false)) best = place;
    }
    return best;
  }

  return {
    placeOf(id, sweep, isInPlace) {
      const before = computedIn.get(id);
      if (before === undefined) computedIn.set(id, sweep);
      if (before === undefined || before === sweep) return undefined;
      if (results.includes(id) && isInPlace()) return id;
      const isSlow = turnsOf(producers[id]!) > mostTurns;
      if (!isSlow && (sparing || costOf(id) <= keptTurns)) return undefined;
      const place = isInPlace() ? kept.get(id)?.place ?? placeFor(id, sweep) : undefined;
      if (place !== undefined && firstOf(place, false) >= sweep) {
        if (!kept.has(id)) kept.set(id, { id, sweep: before, place });
        return place;
      }
      if (isSlow) throw new NeedsMemory(id);
      return undefined;
    },
    kept: () => [...kept.values()],
  };
}
