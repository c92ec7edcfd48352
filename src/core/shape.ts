import type { DType } from "./dtype.ts";
import { DTypeError, ShapeError } from "./errors.ts";
import { describe, describeList } from "./value-kinds.ts";

/** The extent of each axis; `[]` is a scalar. */
export type Shape = readonly number[];

/** What is known of a tensor without its values. */
export interface TensorSpec {
  /** The extent of each axis. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: DType;
}

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** `[2, 3]`, as it stands in messages and printed graphs. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** `float32[2, 3]`, as it stands in messages and printed graphs. */
export function formatSpec(spec: TensorSpec): string {
  return `${spec.dtype}${formatShape(spec.shape)}`;
}

/** Refuses a tensor, found at a path, that has not the spec of what it belongs to. */
export function checkLike(
  functionName: string,
  actual: TensorSpec,
  expected: TensorSpec,
  path: string,
): void {
  const message = `${path} is ${formatSpec(actual)}; expected ${formatSpec(expected)}`;
  if (!sameShape(actual.shape, expected.shape)) throw new ShapeError(functionName, message);
  if (actual.dtype !== expected.dtype) throw new DTypeError(functionName, message);
}

/** Refuses what is not a list of whole numbers >= 0. */
export function checkShape(functionName: string, shape: Shape): void {
  if (
    !Array.isArray(shape) || !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)
  ) {
    throw new ShapeError(
      functionName,
      `${describeList(shape)} is not a shape; expected an array of whole numbers >= 0`,
    );
  }
}

/** Counts an axis from the end where it is negative; refuses one that is out of range. */
export function normalizeAxis(functionName: string, axis: number, rank: number): number {
  if (typeof axis !== "number") {
    throw new ShapeError(functionName, `axis is ${describe(axis)}; expected a whole number`);
  }
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    const expected = rank === 0 ? "a scalar has no axes" : `expected ${-rank} to ${rank - 1}`;
    throw new ShapeError(functionName, `axis ${axis} is out of range: ${expected}`);
  }
  return normalized;
}

/** One axis, several, or all (undefined), as an ascending list without repetition. */
export function normalizeAxes(
  functionName: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const given = typeof axes === "number" ? [axes] : axes;
  if (!Array.isArray(given)) {
    throw new ShapeError(
      functionName,
      `axis is ${describe(axes)}; expected a whole number, or an array of them`,
    );
  }
  const list = given.map((axis) => normalizeAxis(functionName, axis, rank));
  if (new Set(list).size !== list.length) {
    throw new ShapeError(functionName, `axes ${describeList(axes)} name an axis twice`);
  }
  return list.sort((a, b) => a - b);
}

/** The shape in which all meet by NumPy's broadcasting rules. */
export function broadcastShapes(functionName: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis]!;
      if (extent === 1 || extent === result[offset + axis]) continue;
      if (result[offset + axis] !== 1) {
        throw new ShapeError(
          functionName,
          `shapes ${shapes.map(formatShape).join(" and ")} do not broadcast: axis ${
            axis - shape.length
          } ` +
            `has ${result[offset + axis]} and ${extent}; expected equal extents or 1`,
        );
      }
      result[offset + axis] = extent;
    }
  }
  return result;
}

/** The shape without the given (normalized) axes. */
export function withoutAxes(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}
