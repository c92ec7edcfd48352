import type { DType } from "../core/dtype.ts";
import type { Domain } from "./fuse-domain.ts";
import type { Affine } from "./fuse-index-map.ts";

/** A loop over a domain, and how it sees memory. */
interface Positions {
  readonly domain: Domain;
  readonly statements: readonly {
    readonly kind: string;
    readonly op?: string;
    readonly dtype: DType;
    readonly at?: Affine;
  }[];
  readonly stores: readonly { readonly at: Affine }[];
}

/** For each axis of a domain the number of its run: neighbours that are all reduced, or all kept. */
export function runsOf(domain: Domain): number[] {
  let run = 0;
  return domain.map(({ reduced }, axis) => {
    if (axis > 0 && reduced !== domain[axis - 1]!.reduced) run++;
    return run;
  });
}

/** Whether some reduced axes are neighbours: they must be walked as one, for the sake of the order of sums. */
export function hasReducedNeighbours(domain: Domain): boolean {
  return domain.some(({ reduced }, axis) => axis > 0 && reduced && domain[axis - 1]!.reduced);
}

/** Whether all that a loop accesses moves in one stride along the axes of each run, or along the reduced ones. */
export function isEven(
  { domain, statements, stores }: Positions,
  reducedOnly = false,
): boolean {
  const runs = runsOf(domain);
  const isOne = ({ factors }: Affine): boolean =>
    domain.every(({ extent, reduced }, axis) =>
      axis === 0 || runs[axis] !== runs[axis - 1] || (reducedOnly && !reduced) ||
      factors[axis - 1] === factors[axis]! * extent
    );
  return statements.every(({ at }) => at === undefined || isOne(at)) &&
    stores.every(({ at }) => isOne(at));
}

/** Whether a loop has sums of floats that it cannot add up in the order of their elements. */
export function sumsInDisorder(lowered: Positions): boolean {
  const { domain, statements } = lowered;
  return hasReducedNeighbours(domain) &&
    statements.some((each) =>
      each.kind === "reduce" && each.op === "sum" && each.dtype.startsWith("float")
    ) && !isEven(lowered, true);
}
