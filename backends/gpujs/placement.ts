/** Where kernels of gpu.js write on a device whose buffers they share with others. */
import type { AnyKernel } from "../../src/backend/program.ts";
import { buffersOf } from "./kernel-buffers.ts";
import type { KernelSource } from "./kernel-source.ts";
import { type Kernels, kernelsOf } from "./kernels-of.ts";
import type { KernelLimits, StoreOrder } from "./loop-kernels.ts";

/** Kernels that write where their results belong, and what is left to be done. */
export interface PlacedKernels {
  readonly kernels: readonly KernelSource[];
  /** Elements of the buffers of their own, numbered from the first that was free. */
  readonly owned: readonly number[];
  /** What gpu.js cannot do, after the kernels. */
  readonly rest: AnyKernel | undefined;
  /** What is to be moved in the end, since the rest or a kernel read what was there. */
  readonly copies: readonly Copy[];
}

interface Copy {
  readonly from: number;
  readonly to: number;
}

/** `sizeOf` gives a buffer's elements; buffers from `firstFree` on are the kernels' own. */
export function placedKernels(
  kernel: AnyKernel,
  limits: KernelLimits,
  sizeOf: (buffer: number) => number,
  firstFree: number,
): PlacedKernels {
  const inOrder = (order: StoreOrder): PlacedKernels =>
    placed(kernelsOf(kernel, limits, sizeOf, firstFree, order));
  const usual = inOrder("first computed first");
  if (usual.copies.length === 0) return usual;
  // An update that reads the old state goes before what writes the new state over it.
  const reversed = inOrder("last computed first");
  return trafficOf(reversed) < trafficOf(usual) ? reversed : usual;
}

/**
 * Lets kernels write where their results belong. One whose place holds what others read later on, or its own threads
 * read elsewhere, keeps memory of its own.
 */
function placed({ kernels, owned, results, rest }: Kernels): PlacedKernels {
  const readByRest = rest === undefined ? [] : buffersOf(rest).map(({ buffer }) => buffer);
  const places = new Map<number, number>();
  const copies: Copy[] = [];
  for (const { owned, buffer } of results) {
    const at = kernels.findIndex(({ result }) => result.buffer === owned);
    const isRead = ({ arrays }: KernelSource): boolean =>
      arrays.some((each) => each.buffer === buffer);
    const isFree = !readByRest.includes(buffer) && !kernels.slice(at + 1).some(isRead) &&
      (!isRead(kernels[at]!) || kernels[at]!.readsInPlace.includes(buffer));
    if (isFree) places.set(owned, buffer);
    else copies.push({ from: owned, to: buffer });
  }
  const move = <T extends { readonly buffer: number }>(each: T): T => ({
    ...each,
    buffer: places.get(each.buffer) ?? each.buffer,
  });
  return {
    kernels: kernels.map((each) => ({
      ...each,
      arrays: each.arrays.map(move),
      result: move(each.result),
    })),
    owned,
    rest,
    copies,
  };
}

/** Arrays that are read and written, if all were equally long. */
function trafficOf({ kernels, copies }: PlacedKernels): number {
  return kernels.reduce((sum, { arrays }) => sum + arrays.length + 1, 2 * copies.length);
}
