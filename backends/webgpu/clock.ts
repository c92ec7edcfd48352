import { bufferUsage, mapModeRead, stagingUsage } from "./constants.ts";

/** Timestamps of the passes of one command buffer. */
export interface Clock {
  /** Where pass `i` writes when it begins and ends. */
  around(i: number): GPUComputePassTimestampWrites;
  /** Makes the timestamps readable; to be called after the last pass. */
  resolve(encoder: GPUCommandEncoder): void;
  /** Nanoseconds of each pass, once the commands were submitted. */
  read(): Promise<number[]>;
}

/** WebGPU's limit to the queries of a set is 4,096. */
export const mostTimed = 2048;

/** For a device with the feature "timestamp-query". */
export function createClock(device: GPUDevice, passes: number): Clock {
  const count = Math.max(2 * passes, 2);
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const size = 8 * count;
  const resolved = device.createBuffer({
    size,
    usage: bufferUsage.queryResolve | bufferUsage.copySource,
  });
  const staging = device.createBuffer({ size, usage: stagingUsage });
  return {
    around: (i) => ({
      querySet,
      beginningOfPassWriteIndex: 2 * i,
      endOfPassWriteIndex: 2 * i + 1,
    }),
    resolve(encoder) {
      if (passes > 0) encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    },
    async read() {
      await staging.mapAsync(mapModeRead);
      const times = new BigInt64Array(staging.getMappedRange().slice(0));
      for (const each of [resolved, staging, querySet]) each.destroy();
      return Array.from(
        { length: passes },
        (_, i) => Number(times[2 * i + 1]! - times[2 * i]!),
      );
    },
  };
}
