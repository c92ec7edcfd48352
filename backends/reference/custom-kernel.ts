import { KernelError } from "../../src/core/errors.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import type { Shape } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { kernelFunction } from "../../src/graph/dialect/functions.ts";
import type { Run } from "./run.ts";

/** Makes a user's function ready: it runs as it stands, and what it returns is rounded to float32. */
export function prepareCustomKernel({ params, operands, output }: Kernel<"customKernel">): Run {
  const f = kernelFunction(params.source) as (this: unknown, ...inputs: unknown[]) => number;
  const shapes = operands.map(({ spec }) => spec.shape);
  const [x = 1, y = 1, z = 1] = output.spec.shape.toReversed();
  const constants = Object.fromEntries(params.constants);

  return (out, operands) => {
    const inputs = operands.map((data, i) => nested(data, shapes[i]!));
    const thread = { x: 0, y: 0, z: 0 };
    const self = { thread, output: { x, y, z }, constants };
    let at = 0;
    try {
      for (thread.z = 0; thread.z < z; thread.z++) {
        for (thread.y = 0; thread.y < y; thread.y++) {
          for (thread.x = 0; thread.x < x; thread.x++) out[at++] = f.apply(self, inputs);
        }
      }
    } catch (error) {
      const { x, y, z } = thread;
      throw new KernelError(
        "customKernel",
        `${params.name} failed at this.thread x ${x}, y ${y}, z ${z}: ${
          error instanceof Error ? error.message : error
        }; is an index outside of its input?`,
      );
    }
  };
}

/** Elements as a kernel sees them: a number, a row, rows, or rows of rows. */
function nested(data: TypedArray, shape: Shape, from = 0, axis = 0): unknown {
  if (axis === shape.length) return data[from]!;
  let stride = 1;
  for (const extent of shape.slice(axis + 1)) stride *= extent;
  if (axis === shape.length - 1) return data.subarray(from, from + shape[axis]!);
  return Array.from(
    { length: shape[axis]! },
    (_, i) => nested(data, shape, from + i * stride, axis + 1),
  );
}
