import { DeviceError } from "../../src/core/errors.ts";

/** A piece of the heap. */
export interface Block {
  readonly address: number;
  readonly byteLength: number;
}

/** One WebAssembly memory, in pieces. */
export interface Heap {
  readonly memory: WebAssembly.Memory;
  acquire(byteLength: number): Block;
  release(block: Block): void;
  /** All of the memory. Made anew after it has grown: do not keep it. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Bytes in pieces that are taken. */
  used(): number;
}

const pageBytes = 65536;
const pageLimit = 65536;
// A cache line: no two pieces share one.
const alignment = 64;

/** Bytes with what is lost behind them. */
export function padded(byteLength: number): number {
  return Math.ceil(byteLength / alignment) * alignment;
}

/**
 * Best fit over the free pieces, neighbours merged; the memory grows where nothing fits. Pieces too small to be worth
 * it do not live here (see `backend.ts`), so the list of free ones stays short.
 */
export function createHeap(shared: boolean): Heap {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: pageLimit, shared });
  let view = new Uint8Array(memory.buffer as ArrayBuffer);
  // Address 0 is left out: it is nobody's.
  let end = alignment;
  let used = 0;
  /** In ascending order, never adjacent. */
  const free: { start: number; end: number }[] = [];

  function grow(to: number, wanted: number): void {
    const pages = memory.buffer.byteLength / pageBytes;
    const needed = Math.ceil(to / pageBytes) - pages;
    if (needed <= 0) return;
    // A quarter more, so that many small steps cost little; just what is needed where there is not so much.
    const generous = needed + (pages >> 2);
    if (!(tryToGrow(generous) || tryToGrow(needed))) {
      throw new DeviceError(
        "wasm",
        `out of memory: ${wanted} bytes are wanted and ${used} are in use, of at most ` +
          `${pageLimit * pageBytes}; let go of tensors, or donate arguments of jitted functions`,
      );
    }
    // The type says ArrayBuffer, for the sake of typed arrays; it may be shared.
    view = new Uint8Array(memory.buffer as ArrayBuffer);
  }

  function tryToGrow(by: number): boolean {
    if (memory.buffer.byteLength / pageBytes + by > pageLimit) return false;
    try {
      memory.grow(by);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  return {
    memory,
    acquire(byteLength) {
      const need = padded(Math.max(1, byteLength));
      let best: { start: number; end: number } | undefined;
      for (const piece of free) {
        const room = piece.end - piece.start;
        if (room >= need && (best === undefined || room < best.end - best.start)) best = piece;
      }
      let start: number;
      if (best !== undefined) {
        start = best.start;
        best.start += need;
        if (best.start === best.end) free.splice(free.indexOf(best), 1);
      } else {
        const last = free.at(-1);
        start = last?.end === end ? last.start : end;
        grow(start + need, byteLength);
        if (last?.end === end) free.pop();
        end = start + need;
      }
      used += need;
      return { address: start, byteLength };
    },
    release({ address, byteLength }) {
      const piece = { start: address, end: address + padded(Math.max(1, byteLength)) };
      used -= piece.end - piece.start;
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
    bytes: () => view,
    used: () => used,
  };
}
