/** A growing stretch of addresses of which pieces are taken and given back. */
export interface FreeSpace {
  /**
   * The start of a piece of this length: the free piece that fits best, or else more at the end. `reserve` is asked
   * for the new end before anything changes, and may refuse by throwing.
   */
  take(length: number, reserve?: (end: number) => void): number;
  /** Gives a piece back. */
  give(start: number, length: number): void;
  /** The first address that was never taken. */
  end(): number;
}

/** Free space from an address on: best fit, neighbours merged. */
export function createFreeSpace(from = 0): FreeSpace {
  let end = from;
  // Free pieces in ascending order, never adjacent.
  const free: { start: number; end: number }[] = [];

  return {
    take(length, reserve) {
      let best: { start: number; end: number } | undefined;
      for (const piece of free) {
        const room = piece.end - piece.start;
        if (room >= length && (best === undefined || room < best.end - best.start)) best = piece;
      }
      if (best === undefined) {
        // Nothing fits: extend the last piece if it reaches the end, else append.
        const last = free.at(-1);
        const start = last?.end === end ? last.start : end;
        reserve?.(start + length);
        if (last?.end === end) free.pop();
        end = start + length;
        return start;
      }
      const { start } = best;
      best.start += length;
      if (best.start === best.end) free.splice(free.indexOf(best), 1);
      return start;
    },
    give(start, length) {
      const piece = { start, end: start + length };
      let at = free.findIndex((other) => other.start > start);
      if (at < 0) at = free.length;
      const before = free[at - 1];
      const after = free[at];
      if (after?.start === piece.end) {
        piece.end = after.end;
        free.splice(at, 1);
      }
      if (before?.end === start) before.end = piece.end;
      else free.splice(at, 0, piece);
    },
    end: () => end,
  };
}
