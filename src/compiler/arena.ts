import { createFreeSpace } from "../core/free-space.ts";

/** A piece of the arena. */
export interface Block {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Hands out pieces of one growing stretch of memory. */
export interface Arena {
  acquire(byteLength: number): Block;
  release(block: Block): void;
  byteLength(): number;
}

// A cache line: no two values share one, and SIMD loads are aligned.
const alignment = 64;

/** An empty arena. */
export function createArena(): Arena {
  const space = createFreeSpace();
  const padded = (byteLength: number) => Math.max(1, Math.ceil(byteLength / alignment)) * alignment;
  return {
    acquire: (byteLength) => ({ byteOffset: space.take(padded(byteLength)), byteLength }),
    release: ({ byteOffset, byteLength }) => space.give(byteOffset, padded(byteLength)),
    byteLength: () => space.end(),
  };
}
