import type { KernelSource } from "./items.ts";
import { parseKernel } from "./parse.ts";
import { type KernelShapes, type Ranges, rangesOf } from "./ranges.ts";

/** The text of a kernel's function, and what its numbers can be for some shapes. */
export interface KernelReading {
  readonly parsed: KernelSource;
  readonly ranges: Ranges;
}

/** Reads a text that is known to be in the dialect. */
export function readKernel(source: string, shapes: KernelShapes): KernelReading {
  const parsed = parseKernel("the kernel", source, shapes.inputs.map(({ length }) => length));
  return { parsed, ranges: rangesOf(parsed, shapes) };
}
