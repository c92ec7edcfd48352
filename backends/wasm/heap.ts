import { DeviceError } from "../../src/core/errors.ts";
import { createFreeSpace } from "../../src/core/free-space.ts";

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
  /** The same in 32-bit integers. */
  words(): Int32Array<ArrayBuffer>;
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
  let words = new Int32Array(memory.buffer as ArrayBuffer);
  // Address 0 is left out: it is nobody's.
  const space = createFreeSpace(alignment);
  let used = 0;

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
    words = new Int32Array(memory.buffer as ArrayBuffer);
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
      const start = space.take(need, (end) => grow(end, byteLength));
      used += need;
      return { address: start, byteLength };
    },
    release({ address, byteLength }) {
      const length = padded(Math.max(1, byteLength));
      used -= length;
      space.give(address, length);
    },
    bytes: () => view,
    words: () => words,
    used: () => used,
  };
}
