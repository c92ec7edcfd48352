import type { MemoryStatistics } from "../../src/backend/backend.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { elementUsage } from "./constants.ts";
import { vectorBytes } from "./shader.ts";
import type { Verdict } from "./verdicts.ts";

/** Memory of a tensor. Whoever shares the device may use the buffer, and must not destroy it. */
export interface WebgpuBuffer extends DeviceBuffer {
  /** May be longer than the tensor. */
  readonly buffer: GPUBuffer;
  /** Of the shaders that it was computed by, those that were not known then. */
  verdicts?: readonly Verdict[];
}

/** A device's buffers. */
export interface Memory {
  /** A buffer with room for so many bytes, of any content. */
  acquire(byteLength: number): GPUBuffer;
  /** Gives a buffer back; work that was submitted may still use it. */
  release(buffer: GPUBuffer): void;
  /** A buffer that is given back when the tensor that holds it is collected. */
  hold(byteLength: number): WebgpuBuffer;
  /** Gives it back at once. */
  free(held: DeviceBuffer): void;
  /** The buffer of this device behind a tensor's memory. */
  of(held: DeviceBuffer): WebgpuBuffer;
  /** Tensors that are alive. */
  liveHandles(): number;
  /** Bytes that a tensor or an executable holds. */
  used(): number;
  statistics(): MemoryStatistics;
}

/** Small buffers are shown to the engine together: it takes pages for small pieces of memory. */
const leastSeen = 2 ** 22;
/** Bytes of buffers that are kept for the next who asks. */
const keptBytes = 2 ** 28;

/**
 * Creating and destroying buffers costs far more than running a small kernel, so buffers that were given back are kept,
 * in few sizes, and the one that was used last is handed out first: cached bind groups then fit again.
 */
export function createMemory(device: GPUDevice): Memory {
  const largest = Math.floor(device.limits.maxBufferSize / vectorBytes) * vectorBytes;
  const bySize = new Map<number, GPUBuffer[]>();
  // All of them, the one that has waited longest first.
  const waiting = new Set<GPUBuffer>();
  const holders = new WeakMap<DeviceBuffer, GPUBuffer>();
  let heap = 0;
  let kept = 0;
  let tensors = 0;
  let live = 0;
  let unseen = 0;

  const collected = new FinalizationRegistry<GPUBuffer>((buffer) => {
    tensors -= buffer.size;
    live--;
    release(buffer);
  });

  function acquire(byteLength: number): GPUBuffer {
    if (byteLength > largest) {
      throw new DeviceError(
        "webgpu",
        `a tensor of ${byteLength} bytes on the device (4 an element) is larger than a buffer of ` +
          `this adapter, ${largest}; split the tensor, or use the device "cpu"`,
      );
    }
    const size = sizeClass(byteLength, largest);
    const same = bySize.get(size);
    const again = same?.pop();
    if (again !== undefined) {
      waiting.delete(again);
      kept -= size;
      return again;
    }
    heap += size;
    return device.createBuffer({ size, usage: elementUsage });
  }

  function release(buffer: GPUBuffer): void {
    const { size } = buffer;
    waiting.add(buffer);
    kept += size;
    let same = bySize.get(size);
    if (same === undefined) bySize.set(size, same = []);
    same.push(buffer);
    for (const oldest of waiting) {
      if (kept <= keptBytes) break;
      waiting.delete(oldest);
      // The oldest of all is the oldest of its size.
      bySize.get(oldest.size)!.shift();
      kept -= oldest.size;
      heap -= oldest.size;
      oldest.destroy();
    }
  }

  function hold(byteLength: number): WebgpuBuffer {
    const buffer = acquire(byteLength);
    unseen += buffer.size;
    const held = { buffer, byteLength, ...(unseen >= leastSeen && { seen: seenByEngine() }) };
    tensors += buffer.size;
    live++;
    holders.set(held, buffer);
    collected.register(held, buffer, held);
    return held;
  }

  /**
   * Memory of an engine in place of a GPU's, which it does not count: a tensor is a small object to it, so that it would
   * see no reason to collect. Nobody touches this memory, so that the system gives no pages for it.
   */
  function seenByEngine(): ArrayBuffer | undefined {
    try {
      return new ArrayBuffer(unseen);
    } catch {
      // What is out of room collects in any case.
      return undefined;
    } finally {
      unseen = 0;
    }
  }

  function of(held: DeviceBuffer): WebgpuBuffer {
    if (!holders.has(held)) {
      throw new DeviceError(
        "webgpu",
        "this memory belongs to another device, or was given back; expected a tensor of this device",
      );
    }
    return held as WebgpuBuffer;
  }

  return {
    acquire,
    release,
    hold,
    free(held) {
      const { buffer } = of(held);
      holders.delete(held);
      collected.unregister(held);
      tensors -= buffer.size;
      live--;
      release(buffer);
    },
    of,
    liveHandles: () => live,
    used: () => heap - kept,
    statistics: () => ({ heap, used: heap - kept, tensors }),
  };
}

/** Eight sizes between two powers of two, so that at most an eighth is lost. */
function sizeClass(byteLength: number, largest: number): number {
  const least = 256;
  const power = 2 ** Math.floor(Math.log2(Math.max(byteLength, 1)));
  const step = Math.max(least, power / 8);
  const size = Math.max(least, Math.ceil(byteLength / step) * step);
  return size <= largest ? size : Math.ceil(byteLength / vectorBytes) * vectorBytes;
}
