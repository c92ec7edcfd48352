import type { TypedArray } from "../../src/core/dtype.ts";
import type { Shape } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { knownKernel } from "../../src/graph/dialect/functions.ts";
import type { Run } from "./run.ts";

/** Makes a user's function ready: it runs as it stands, and what it returns is rounded to float32. */
export function prepareCustomKernel({ params, operands, output }: Kernel<"customKernel">): Run {
  const { source, constants } = params;
  const kernel = knownKernel(source);
  const f = kernel.f as (this: unknown, ...inputs: unknown[]) => number;
  const shapes = operands.map(({ spec }) => spec.shape);
  const { ranges: { areInside } } = kernel.read({
    inputs: shapes,
    output: output.spec.shape,
    constants: new Map(constants),
  });
  const [x = 1, y = 1, z = 1] = output.spec.shape.toReversed();
  const extents = { x, y, z };
  const known = Object.fromEntries(constants);

  return (out, operands) => {
    const inputs = operands.map((data, i) =>
      areInside ? nested(data, shapes[i]!) : surrounded(data, shapes[i]!)
    );
    const thread = { x: 0, y: 0, z: 0 };
    const self = { thread, output: extents, constants: known };
    let at = 0;
    for (thread.z = 0; thread.z < z; thread.z++) {
      for (thread.y = 0; thread.y < y; thread.y++) {
        for (thread.x = 0; thread.x < x; thread.x++) out[at++] = f.apply(self, inputs);
      }
    }
  };
}

/** Elements as a kernel sees them: a number, a row, rows, or rows of rows. */
function nested(data: TypedArray, shape: Shape, from = 0, axis = 0): unknown {
  if (axis === shape.length) return data[from]!;
  if (axis === shape.length - 1) return data.subarray(from, from + shape[axis]!);
  const stride = strideOf(shape, axis);
  return Array.from(
    { length: shape[axis]! },
    (_, i) => nested(data, shape, from + i * stride, axis + 1),
  );
}

/** The same with NaN, or a row of it, at every index that is none; arrays of numbers would have undefined there. */
function surrounded(data: TypedArray, shape: Shape): unknown {
  const outsides: unknown[] = [NaN];
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const row = { length: shape[axis]! };
    outsides.unshift(Object.setPrototypeOf(row, surroundings(outsides[0])));
  }
  const prototypes = outsides.map(surroundings);
  const rows = (from: number, axis: number): unknown => {
    if (axis === shape.length) return data[from]!;
    const stride = strideOf(shape, axis);
    const row = Array.from(
      { length: shape[axis]! },
      (_, i) => rows(from + i * stride, axis + 1),
    );
    return Object.setPrototypeOf(row, prototypes[axis]!);
  };
  return rows(0, 0);
}

/** What stands in the place of every element that a row has not. */
function surroundings(outside: unknown): object {
  return new Proxy({}, { get: () => outside });
}

function strideOf(shape: Shape, axis: number): number {
  let stride = 1;
  for (const extent of shape.slice(axis + 1)) stride *= extent;
  return stride;
}
