import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import type { Kernel } from "../../src/backend/program.ts";
import type { Run } from "./run.ts";
import { contiguous, planWalk, walkRows } from "./walk.ts";

/** The primitives that combine all elements along axes. */
export type ReduceName = "reduceSum" | "reduceMax" | "reduceMin";

/** Combines n elements from `a[ai]` on with the accumulator `start`, in order, each step rounded. */
type Along = (start: number, a: TypedArray, ai: number, n: number) => number;

/** Combines n elements from `a[ai]` on with as many accumulators from `o[oi]` on. Storing rounds. */
type Across = (o: TypedArray, oi: number, a: TypedArray, ai: number, n: number) => void;

const fround = Math.fround;

// deno-fmt-ignore
const alongs = {
  sumFloat32: (s, a, ai, n) => { s = fround(s); for (let i = ai; i < ai + n; i++) s = fround(s + a[i]!); return s; },
  sumFloat64: (s, a, ai, n) => { for (let i = ai; i < ai + n; i++) s += a[i]!; return s; },
  sumInteger: (s, a, ai, n) => { s |= 0; for (let i = ai; i < ai + n; i++) s = (s + a[i]!) | 0; return s; },
  max: (s, a, ai, n) => { for (let i = ai; i < ai + n; i++) s = Math.max(s, a[i]!); return s; },
  min: (s, a, ai, n) => { for (let i = ai; i < ai + n; i++) s = Math.min(s, a[i]!); return s; },
} as const satisfies Record<string, Along>;

// deno-fmt-ignore
const acrosses = {
  sum: (o, oi, a, ai, n) => { for (let i = 0; i < n; i++) o[oi + i] = o[oi + i]! + a[ai + i]!; },
  max: (o, oi, a, ai, n) => { for (let i = 0; i < n; i++) o[oi + i] = Math.max(o[oi + i]!, a[ai + i]!); },
  min: (o, oi, a, ai, n) => { for (let i = 0; i < n; i++) o[oi + i] = Math.min(o[oi + i]!, a[ai + i]!); },
} as const satisfies Record<string, Across>;

/** The largest and the smallest value of a dtype. */
export function limits(dtype: DType): [number, number] {
  if (dtype === "int32") return [0x7fffffff, -0x80000000];
  if (dtype === "uint32") return [0xffffffff, 0];
  if (dtype === "bool") return [1, 0];
  return [Infinity, -Infinity];
}

const sums: Partial<Record<DType, Along>> = {
  float32: alongs.sumFloat32,
  float64: alongs.sumFloat64,
};

interface Combination {
  readonly initial: number;
  readonly along: Along;
  readonly across: Across;
}

function combinationOf(name: ReduceName, dtype: DType): Combination {
  const [largest, smallest] = limits(dtype);
  switch (name) {
    case "reduceSum":
      return { initial: 0, along: sums[dtype] ?? alongs.sumInteger, across: acrosses.sum };
    case "reduceMax":
      return { initial: smallest, along: alongs.max, across: acrosses.max };
    case "reduceMin":
      return { initial: largest, along: alongs.min, across: acrosses.min };
  }
}

/**
 * Makes a reduction ready. The operand is read once, from its first element to its last, so that every
 * result combines its elements in row-major order however the axes lie.
 */
export function prepareReduce({ op, params, operands, output }: Kernel<ReduceName>): Run {
  const { shape, dtype } = operands[0]!.spec;
  const { initial, along, across } = combinationOf(op, dtype);
  const kept = stridesOf(output.spec.shape);
  let next = 0;
  const strides = shape.map((_, axis) => params.axes.includes(axis) ? 0 : kept[next++]!);
  const walk = planWalk(shape, [{ offset: 0, strides }, contiguous(shape)]);
  const n = walk.length;
  const isAlong = walk.steps[0] === 0;
  return (out, operands) => {
    const a = operands[0]!;
    out.fill(initial);
    walkRows(walk, (at) => {
      const oi = at[0]!;
      if (isAlong) out[oi] = along(out[oi]!, a, at[1]!, n);
      else across(out, oi, a, at[1]!, n);
    });
  };
}

/** Makes `argMax` ready. */
export function prepareArgMax({ params: { axis }, operands }: Kernel<"argMax">): Run {
  const { outer, extent, inner } = around(operands[0]!.spec.shape, axis);
  return (out, operands) => {
    const a = operands[0]!;
    for (let block = 0; block < outer; block++) {
      for (let lane = 0; lane < inner; lane++) {
        const first = block * extent * inner + lane;
        let best = a[first]!;
        let bestIndex = 0;
        // Nothing is larger than a NaN, so the search ends at the first.
        for (let i = 1; i < extent && best === best; i++) {
          const value = a[first + i * inner]!;
          if (value > best || value !== value) {
            best = value;
            bestIndex = i;
          }
        }
        out[block * inner + lane] = bestIndex;
      }
    }
  };
}

/** Makes `cumSum` ready. */
export function prepareCumSum({ params, operands }: Kernel<"cumSum">): Run {
  const { outer, extent, inner } = around(operands[0]!.spec.shape, params.axis);
  const step = params.reverse ? -inner : inner;
  return (out, operands) => {
    const a = operands[0]!;
    if (extent === 0) return;
    for (let block = 0; block < outer; block++) {
      for (let lane = 0; lane < inner; lane++) {
        let at = (block * extent + (params.reverse ? extent - 1 : 0)) * inner + lane;
        out[at] = a[at]!;
        for (let i = 1; i < extent; i++, at += step) out[at + step] = out[at]! + a[at + step]!;
      }
    }
  };
}

/** The elements before, along and after an axis. */
function around(
  shape: readonly number[],
  axis: number,
): { outer: number; extent: number; inner: number } {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    extent: shape[axis]!,
    inner: sizeOf(shape.slice(axis + 1)),
  };
}
