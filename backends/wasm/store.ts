import type { MemoryStatistics } from "../../src/backend/backend.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import { bytesPerElement, type DType, type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { type Block, type Heap, padded } from "./heap.ts";

/**
 * Memory of this backend: a piece of the heap, or an ordinary array that is copied into the heap for each run.
 *
 * Pieces of the heap are given back when their buffer has been garbage-collected, which a program learns only
 * between its turns: a loop that never waits would fill the heap with garbage. So the heap holds such pieces up to a
 * budget; beyond it, and where buffers are small, they are ordinary arrays, which the collector frees at any time.
 * For buffers that live long, as parameters do, copying would cost far more than garbage: those that are written in
 * place, or read again and again, may take several times the budget.
 */
export interface WasmBuffer extends DeviceBuffer {
  /** Its piece of the heap. */
  block: Block | undefined;
  /** Its elements where it has none. */
  data: Uint8Array<ArrayBuffer> | undefined;
  /** How many runs have copied it. */
  copies: number;
}

/** Where buffers are made, moved and read. */
export interface Store {
  upload(data: TypedArray): WasmBuffer;
  download(buffer: DeviceBuffer, dtype: DType): TypedArray;
  /** A buffer for a result: in the heap, or without elements yet. */
  create(byteLength: number): WasmBuffer;
  /** The buffer as one of ours, moved into the heap where that pays: `written` is what a run writes in place. */
  settle(buffer: DeviceBuffer, written: boolean): WasmBuffer;
  /** Gives the memory of a buffer back at once; it is never handed in again. */
  free(buffer: DeviceBuffer): void;
  /** Memory that all runs use in turn: where it begins. */
  workspace(byteLength: number): number;
  statistics(): MemoryStatistics;
}

/** Smaller buffers are cheaper to copy than to look after. */
const smallBytes = 32 * 1024;
/** A buffer that has been copied so often lives long; a small one, which leaves more pieces to look after. */
const manyCopies = 4;
const manySmallCopies = 64;
/** How many budgets such buffers and those that are written in place may fill. */
const budgetsIfOld = 8;

/** Starts a store whose tensors may hold `budget` bytes of the heap before they become ordinary arrays. */
export function createStore(heap: Heap, budget: number): Store {
  let tensors = 0;
  let workspace: Block | undefined;
  const giveBack = (block: Block): void => {
    tensors -= padded(block.byteLength);
    heap.release(block);
  };
  const registry = new FinalizationRegistry(giveBack);

  /** Gives a buffer a piece of the heap, if there is room in so many budgets. */
  function place(buffer: WasmBuffer, budgets: number): boolean {
    const { byteLength } = buffer;
    const taken = padded(byteLength);
    if (tensors + taken > budgets * budget) return false;
    buffer.block = heap.acquire(byteLength);
    tensors += taken;
    registry.register(buffer, buffer.block, buffer);
    return true;
  }

  function create(byteLength: number): WasmBuffer {
    const buffer: WasmBuffer = { byteLength, block: undefined, data: undefined, copies: 0 };
    if (byteLength >= smallBytes) place(buffer, 1);
    return buffer;
  }

  function moveIn(buffer: WasmBuffer, budgets: number): void {
    if (!place(buffer, budgets)) return;
    heap.bytes().set(buffer.data!, buffer.block!.address);
    buffer.data = undefined;
  }

  return {
    create,
    upload(data) {
      const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      const buffer = create(data.byteLength);
      if (buffer.block === undefined) buffer.data = bytes.slice();
      else heap.bytes().set(bytes, buffer.block.address);
      return buffer;
    },
    download(buffer, dtype) {
      const { block, data, byteLength } = own(buffer);
      const copy = block === undefined ? data!.slice() : copyOf(heap, block.address, byteLength);
      return viewOf(dtype, copy.buffer, 0, byteLength / bytesPerElement(dtype));
    },
    settle(buffer, written) {
      const settled = own(buffer);
      if (settled.block !== undefined) return settled;
      const isSmall = settled.byteLength < smallBytes;
      const isOld = ++settled.copies > (isSmall ? manySmallCopies : manyCopies);
      if (written || isOld) moveIn(settled, budgetsIfOld);
      else if (!isSmall) moveIn(settled, 1);
      return settled;
    },
    free(buffer) {
      const freed = own(buffer);
      freed.data = undefined;
      if (freed.block === undefined) return;
      registry.unregister(freed);
      giveBack(freed.block);
      freed.block = undefined;
    },
    workspace(byteLength) {
      if (workspace === undefined || workspace.byteLength < byteLength) {
        if (workspace !== undefined) heap.release(workspace);
        workspace = undefined;
        workspace = heap.acquire(byteLength);
      }
      return workspace.address;
    },
    statistics: () => ({ heap: heap.bytes().byteLength, used: heap.used(), tensors }),
  };
}

/** A piece of the heap as bytes. */
export function bytesOf(heap: Heap, address: number, byteLength: number): Uint8Array<ArrayBuffer> {
  return heap.bytes().subarray(address, address + byteLength);
}

/** A copy of a piece of the heap, outside of it. */
export function copyOf(heap: Heap, address: number, byteLength: number): Uint8Array<ArrayBuffer> {
  return heap.bytes().slice(address, address + byteLength);
}

function own(buffer: DeviceBuffer): WasmBuffer {
  if (!("block" in buffer)) {
    throw new DeviceError("wasm", "this memory belongs to another device; expected its own");
  }
  return buffer as WasmBuffer;
}
