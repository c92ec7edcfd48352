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

/** Best fit over the free pieces, neighbours merged; grows at the end where nothing fits. */
export function createArena(): Arena {
  let end = 0;
  // Free pieces in ascending order of offset, never adjacent.
  const free: { start: number; end: number }[] = [];
  const padded = (byteLength: number) => Math.max(1, Math.ceil(byteLength / alignment)) * alignment;

  return {
    acquire(byteLength) {
      const need = padded(byteLength);
      let best: { start: number; end: number } | undefined;
      for (const piece of free) {
        const room = piece.end - piece.start;
        if (room >= need && (best === undefined || room < best.end - best.start)) best = piece;
      }
      if (best === undefined) {
        // Nothing fits: extend the last piece if it reaches the end, else append.
        const last = free.at(-1);
        const start = last?.end === end ? last.start : end;
        if (last?.end === end) free.pop();
        end = start + need;
        return { byteOffset: start, byteLength };
      }
      const start = best.start;
      best.start += need;
      if (best.start === best.end) free.splice(free.indexOf(best), 1);
      return { byteOffset: start, byteLength };
    },
    release({ byteOffset, byteLength }) {
      const piece = { start: byteOffset, end: byteOffset + padded(byteLength) };
      let at = free.findIndex((other) => other.start > piece.start);
      if (at < 0) at = free.length;
      const before = free[at - 1];
      const after = free[at];
      if (after?.start === piece.end) {
        piece.end = after.end;
        free.splice(at, 1);
      }
      if (before?.end === piece.start) before.end = piece.end;
      else free.splice(at, 0, piece);
    },
    byteLength: () => end,
  };
}
