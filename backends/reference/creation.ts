import { sizeOf } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import { encode } from "./cast.ts";
import type { Run } from "./run.ts";

/** Makes `iota` ready. */
export function prepareIota({ params: { shape, dtype, axis } }: Kernel<"iota">): Run {
  const outer = sizeOf(shape.slice(0, axis));
  const extent = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  return (out) => {
    let at = 0;
    for (let block = 0; block < outer; block++) {
      for (let index = 0; index < extent; index++) {
        const value = encode(dtype, index);
        for (let i = 0; i < inner; i++) out[at++] = value;
      }
    }
  };
}

/** Makes `full` ready. */
export function prepareFull({ params: { dtype, value } }: Kernel<"full">): Run {
  const stored = encode(dtype, value);
  return (out) => void out.fill(stored);
}
