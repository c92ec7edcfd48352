import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { mapModeRead, stagingUsage } from "./constants.ts";
import type { Health } from "./health.ts";
import type { WebgpuBuffer } from "./memory.ts";
import { elementBytes } from "./shader.ts";
import { fromDevice } from "./transfer.ts";
import { openVerdicts } from "./verdicts.ts";

/** Reads of one turn, made together: a round trip to a GPU takes milliseconds, however little it brings. */
export interface Downloads {
  /** Elements as they are now, whatever is submitted later. */
  add(source: WebgpuBuffer, dtype: DType): Promise<TypedArray>;
  /** Submits what was asked for so far; to be called before anything that writes. */
  flush(): void;
}

interface Request {
  readonly source: WebgpuBuffer;
  readonly dtype: DType;
  readonly offset: number;
  readonly resolve: (data: TypedArray) => void;
  readonly reject: (error: unknown) => void;
}

/** `submitted` is told of every submit. */
export function createDownloads(
  device: GPUDevice,
  health: Health,
  submitted: () => void,
): Downloads {
  let requests: Request[] = [];
  let length = 0;
  let scheduled = false;

  function add(source: WebgpuBuffer, dtype: DType): Promise<TypedArray> {
    const { byteLength } = source;
    if (length + byteLength > device.limits.maxBufferSize) flush();
    return new Promise((resolve, reject) => {
      requests.push({ source, dtype, offset: length, resolve, reject });
      length += byteLength;
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(() => {
        scheduled = false;
        flush();
      });
    });
  }

  function flush(): void {
    if (requests.length === 0) return;
    const [batch, size] = [requests, Math.max(length, elementBytes)];
    requests = [];
    length = 0;
    const staging = device.createBuffer({ size, usage: stagingUsage });
    const encoder = device.createCommandEncoder();
    for (const { source: { buffer, byteLength }, offset } of batch) {
      if (byteLength > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offset, byteLength);
    }
    device.queue.submit([encoder.finish()]);
    submitted();
    void deliver(staging, batch);
  }

  async function deliver(staging: GPUBuffer, batch: readonly Request[]): Promise<void> {
    try {
      await staging.mapAsync(mapModeRead);
      health.check("data");
      const mapped = staging.getMappedRange();
      for (const { source, dtype, offset, resolve, reject } of batch) {
        try {
          for (const { settled } of source.verdicts ?? []) await settled;
          openVerdicts(source.verdicts ?? []);
          resolve(fromDevice(mapped.slice(offset, offset + source.byteLength), dtype));
        } catch (error) {
          reject(error);
        }
      }
      staging.unmap();
    } catch (error) {
      const reason = await health.explain("data", error);
      for (const { reject } of batch) reject(reason);
    } finally {
      staging.destroy();
    }
  }

  return { add, flush };
}
