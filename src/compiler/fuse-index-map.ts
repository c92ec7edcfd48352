import { sameShape, type Shape, sizeOf, stridesOf } from "../core/shape.ts";
import type { Instruction } from "../graph/graph.ts";
import type { PrimitiveName, PrimitiveParams } from "../graph/instruction-set.ts";
import type { Domain } from "./fuse-domain.ts";

/** A whole number for each point of a domain: the offset, plus each coordinate times its factor. */
export interface Affine {
  readonly offset: number;
  readonly factors: readonly number[];
}

/** Which element of a value a point of the domain needs: a coordinate for each axis of the value. */
export interface IndexMap {
  readonly axes: readonly Affine[];
  /** Equal for equal maps. */
  readonly key: string;
}

/** Thrown inside of the compiler where a map can be written down only once an axis of the domain is cut in two. */
export class AxisCut {
  readonly axis: number;
  readonly inner: number;

  constructor(axis: number, inner: number) {
    this.axis = axis;
    this.inner = inner;
  }
}

function mapOf(axes: readonly Affine[]): IndexMap {
  let key: string | undefined;
  return {
    axes,
    // Many maps are never compared.
    get key() {
      if (key === undefined) {
        key = "";
        for (const { offset, factors } of axes) key += `${offset}:${factors};`;
      }
      return key;
    },
  };
}

const constant = (domain: Domain, offset: number): Affine => ({
  offset,
  factors: domain.map(() => 0),
});

const scaled = ({ offset, factors }: Affine, by: number, plus = 0): Affine => ({
  offset: offset * by + plus,
  factors: factors.map((factor) => factor * by),
});

/** The map of a value whose elements in order are the points of the domain, or of its axes that are not reduced. */
export function identityMap(shape: Shape, domain: Domain, outerOnly: boolean): IndexMap {
  if (shape.includes(0)) return mapOf(shape.map(() => constant(domain, 0)));
  const axes: Affine[] = [];
  let next = domain.length - 1;
  for (const extent of shape.toReversed()) {
    const factors = domain.map(() => 0);
    for (let factor = 1; factor < extent; next--) {
      const axis = domain[next]!;
      if (outerOnly && axis.reduced) continue;
      factors[next] = factor;
      factor *= axis.extent;
    }
    axes.push({ offset: 0, factors });
  }
  return mapOf(axes.reverse());
}

/** The position in memory of the element that a map points to. */
export function position({ axes }: IndexMap, shape: Shape, domain: Domain): Affine {
  const strides = stridesOf(shape);
  const total = domain.map(() => 0);
  let start = 0;
  for (let i = 0; i < axes.length; i++) {
    const { offset, factors } = axes[i]!;
    const stride = strides[i]!;
    start += offset * stride;
    for (let axis = 0; axis < factors.length; axis++) total[axis]! += factors[axis]! * stride;
  }
  return { offset: start, factors: total };
}

/** The map of an operand that is broadcast to its instruction's result by NumPy's rules. */
export function throughBroadcasting(
  map: IndexMap,
  from: Shape,
  to: Shape,
  domain: Domain,
): IndexMap {
  if (sameShape(from, to)) return map;
  const missing = to.length - from.length;
  return mapOf(
    from.map((extent, axis) => extent === 1 ? constant(domain, 0) : map.axes[axis + missing]!),
  );
}

type ViewName = "reshape" | "transpose" | "broadcast" | "slice" | "flip" | "stopGradient";

const viewNames: ReadonlySet<string> = new Set<ViewName>([
  "reshape",
  "transpose",
  "broadcast",
  "slice",
  "flip",
  "stopGradient",
]);

/** Whether an instruction only says where the elements of its operand are found. */
export function isView(instruction: Instruction): instruction is Instruction<ViewName> {
  return viewNames.has(instruction.op);
}

/**
 * The map of what a view shows, given that of its result: of its operand, or for a reshape of any value of
 * `shape` with the same elements in order. Undefined where it is none: a reshape of what is not contiguous.
 */
export function throughView(
  view: Instruction<ViewName>,
  map: IndexMap,
  shape: Shape,
  domain: Domain,
): IndexMap | undefined {
  const is = <Name extends ViewName>(
    name: Name,
    _params: unknown,
  ): _params is PrimitiveParams[Name] => view.op === (name satisfies PrimitiveName);
  const { params } = view;
  if (is("transpose", params)) {
    const axes = new Array<Affine>(shape.length);
    params.permutation.forEach((from, to) => axes[from] = map.axes[to]!);
    return mapOf(axes);
  }
  if (is("broadcast", params)) {
    return mapOf(
      shape.map((extent, axis) =>
        extent === 1 ? constant(domain, 0) : map.axes[params.axes[axis]!]!
      ),
    );
  }
  if (is("slice", params)) {
    return mapOf(map.axes.map((axis, i) => scaled(axis, params.stride[i]!, params.start[i]!)));
  }
  if (is("flip", params)) {
    return mapOf(
      map.axes.map((axis, i) => params.axes.includes(i) ? scaled(axis, -1, shape[i]! - 1) : axis),
    );
  }
  return view.op === "reshape" ? throughReshape(map, shape, view.output.spec.shape, domain) : map;
}

/** Both shapes fall into groups of neighbouring axes of equal size; within a group coordinates are digits. */
function throughReshape(
  map: IndexMap,
  from: Shape,
  to: Shape,
  domain: Domain,
): IndexMap | undefined {
  const axes: Affine[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const [firstFrom, firstTo] = [i, j];
    let [sizeFrom, sizeTo] = [from[i++] ?? 1, to[j++] ?? 1];
    while (sizeFrom !== sizeTo) {
      if (sizeFrom < sizeTo) sizeFrom *= from[i++]!;
      else sizeTo *= to[j++]!;
    }
    const group = { axes: map.axes.slice(firstTo, j), key: "" };
    let rest = position(group, to.slice(firstTo, j), domain);
    const digits: Affine[] = [];
    for (const extent of from.slice(firstFrom, i).toReversed()) {
      const parts = divide(rest, extent, domain);
      if (parts === undefined) return undefined;
      rest = parts.quotient;
      digits.push(parts.remainder);
    }
    axes.push(...digits.reverse());
  }
  return mapOf(axes);
}

/** Quotient and remainder of a number in a range by `by`, where both are affine. */
function divide(
  { offset, factors }: Affine,
  by: number,
  domain: Domain,
): { quotient: Affine; remainder: Affine } | undefined {
  const low = ((offset % by) + by) % by;
  const inner = factors.map((factor) => factor % by === 0 ? 0 : factor);
  let [least, largest] = [low, low];
  for (const [axis, factor] of inner.entries()) {
    const reach = factor * (domain[axis]!.extent - 1);
    if (reach < 0) least += reach;
    else largest += reach;
  }
  if (least < 0 || largest >= by) {
    for (const [axis, factor] of inner.entries()) {
      const size = Math.abs(factor);
      const digits = by / size;
      const extent = domain[axis]!.extent;
      if (size > 0 && Number.isInteger(digits) && extent > digits && extent % digits === 0) {
        throw new AxisCut(axis, digits);
      }
    }
    return undefined;
  }
  return {
    quotient: {
      offset: (offset - low) / by,
      factors: factors.map((factor, axis) => inner[axis] === 0 ? factor / by : 0),
    },
    remainder: { offset: low, factors: inner },
  };
}

/** Whether a value's elements in order are the points of the domain, or of its axes that are not reduced. */
export function isIdentity(
  { offset, factors }: Affine,
  shape: Shape,
  domain: Domain,
  outerOnly: boolean,
): boolean {
  let expected = 1;
  for (let axis = domain.length - 1; axis >= 0; axis--) {
    const { extent, reduced } = domain[axis]!;
    const skipped = outerOnly && reduced;
    if (factors[axis] !== (skipped ? 0 : expected)) return false;
    if (!skipped) expected *= extent;
  }
  return offset === 0 && expected === sizeOf(shape);
}
