import type { Shape } from "../core/shape.ts";

/** One axis of the points that a loop visits. */
export interface DomainAxis {
  /** At least 2, but for an empty domain. */
  readonly extent: number;
  /** Whether reductions combine along it. */
  readonly reduced: boolean;
}

/**
 * The points that a loop visits, in row-major order. Axes are cut as finely as anything in the loop needs, so
 * that each axis of each of its values is some neighbouring axes of the domain.
 */
export type Domain = readonly DomainAxis[];

/** The domain of a value's elements, or of a reduction's operand. */
export function domainOf(shape: Shape, reducedAxes: readonly number[] = []): Domain {
  if (shape.includes(0)) return [{ extent: 0, reduced: false }];
  return shape.flatMap((extent, axis) =>
    extent === 1 ? [] : [{ extent, reduced: reducedAxes.includes(axis) }]
  );
}

/** The number of points. */
export function pointsOf(domain: Domain): number {
  return domain.reduce((points, { extent }) => points * extent, 1);
}

/** The domain with an axis cut in two, the inner one of the given extent. */
export function cutAxis(domain: Domain, axis: number, inner: number): Domain {
  return domain.flatMap((each, at) =>
    at === axis ? [{ ...each, extent: each.extent / inner }, { ...each, extent: inner }] : [each]
  );
}

/** The common cutting of two domains with equally many points in the same order, with the flags of the first. */
export function meet(a: Domain, b: Domain): Domain | undefined {
  return refine(a, b, () => true);
}

/** The first domain with its axes that are not reduced cut as the second demands. */
export function meetOuter(a: Domain, b: Domain): Domain | undefined {
  return refine(a, b, ({ reduced }) => !reduced);
}

/** The common cutting of two domains of reductions along the same axes. */
export function meetReduced(a: Domain, b: Domain): Domain | undefined {
  const [left, right] = [meet(a, b), meet(b, a)];
  const agree = left?.every(({ reduced }, axis) => reduced === right![axis]!.reduced);
  return agree ? left : undefined;
}

/** Cuts those axes of `a` that take part so that they agree with all of `b`, from the innermost on. */
function refine(
  a: Domain,
  b: Domain,
  takesPart: (axis: DomainAxis) => boolean,
): Domain | undefined {
  if (isCutAlike(a, b, takesPart)) return a;
  const result: DomainAxis[] = [];
  let next = b.length - 1;
  let rest = b[next]?.extent ?? 0;
  for (const axis of a.toReversed()) {
    if (!takesPart(axis)) {
      result.push(axis);
      continue;
    }
    for (let left = axis.extent; left > 1;) {
      const extent = Math.min(left, rest);
      if (extent === 0 || left % extent !== 0 || rest % extent !== 0) return undefined;
      result.push({ ...axis, extent });
      left /= extent;
      rest /= extent;
      if (rest === 1) rest = b[--next]?.extent ?? 0;
    }
  }
  return next < 0 ? result.reverse() : undefined;
}

/** Whether nothing has to be cut. */
function isCutAlike(a: Domain, b: Domain, takesPart: (axis: DomainAxis) => boolean): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) {
    const { extent } = a[axis]!;
    if (extent === 0 || extent !== b[axis]!.extent || !takesPart(a[axis]!)) return false;
  }
  return true;
}

/** Whether the reduced axes are the innermost, so that a reduction reads its operand in the order of memory. */
export function reducesInnermost(domain: Domain): boolean {
  const first = domain.findIndex(({ reduced }) => reduced);
  return first < 0 || domain.slice(first).every(({ reduced }) => reduced);
}
