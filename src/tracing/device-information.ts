import type { MemoryStatistics } from "../backend/backend.ts";
import { backendOf, type DeviceName } from "../backend/registry.ts";
import { defaultDevice } from "./placement.ts";

// Why the default device runs although a GPU was asked for.
let fallbackReason: string | undefined;

/** Remembers why there was no GPU at the last attempt to open one; undefined if there was. */
export function noteFallback(reason: string | undefined): void {
  fallbackReason = reason;
}

/**
 * Says what runs on a device at the moment, with its threads, and why, where it is not what one would expect: a runtime
 * without WebAssembly, for example, is served by plain JavaScript. If `device` gave "cpu" because there was no GPU, it
 * says why there was none.
 *
 * @param device The name of the device; "cpu" unless given.
 * @throws {DeviceError} if there is no such device.
 *
 * @example
 * ```ts
 * import { describeDevice } from "softstep";
 *
 * console.log(describeDevice("reference")); // => reference
 * ```
 */
export function describeDevice(device: DeviceName = defaultDevice): string {
  const backend = backendOf("describeDevice", device);
  const description = backend.describe?.() ?? backend.name;
  return device === defaultDevice && fallbackReason !== undefined
    ? `${description}, in place of a GPU: ${fallbackReason}`
    : description;
}

/**
 * Figures about the memory that a device manages itself, in bytes. In a training step whose parameters and state are
 * donated they stay as they are from the second step on.
 *
 * @param device The name of the device; "cpu" unless given.
 * @returns The figures, or undefined where all memory is left to the garbage collector.
 * @throws {DeviceError} if there is no such device.
 *
 * @example
 * ```ts
 * import { memoryStatistics } from "softstep";
 *
 * console.log(memoryStatistics("reference")); // => undefined
 * ```
 */
export function memoryStatistics(device: DeviceName = defaultDevice): MemoryStatistics | undefined {
  return backendOf("memoryStatistics", device).memory?.();
}
