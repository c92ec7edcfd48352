import { backendOf, type DeviceName } from "../backend/registry.ts";
import type { DeviceBuffer } from "../core/device-buffer.ts";
import { allocate, type DType, toBFloat16Bits } from "../core/dtype.ts";
import { DonatedError } from "../core/errors.ts";

/** The memory behind a concrete tensor. */
export interface Storage {
  readonly kind: "storage";
  readonly device: DeviceName;
  /** Absent for a number that no kernel has needed as memory yet, and after donation. */
  buffer: DeviceBuffer | undefined;
  /** The value, where the tensor is a scalar made from a JavaScript number: it is traced as a number. */
  readonly literal: number | undefined;
  /** The function that the memory was donated to. */
  donatedTo: string | undefined;
  /** The last call that looked for memory that it was given twice. */
  call: number;
}

/** Storage around a buffer of a device. */
export function bufferStorage(device: DeviceName, buffer: DeviceBuffer): Storage {
  return { kind: "storage", device, buffer, literal: undefined, donatedTo: undefined, call: 0 };
}

/** Storage of one number, uploaded when a kernel needs it. */
export function literalStorage(device: DeviceName, literal: number): Storage {
  return { kind: "storage", device, buffer: undefined, literal, donatedTo: undefined, call: 0 };
}

/** The buffer of a storage; refuses one that was donated. */
export function bufferOf(functionName: string, storage: Storage, dtype: DType): DeviceBuffer {
  if (storage.donatedTo !== undefined) {
    throw new DonatedError(
      functionName,
      `this tensor was donated to ${storage.donatedTo}, which wrote over its memory; use the value that it ` +
        `returned, or leave this argument out of donate`,
    );
  }
  if (storage.buffer === undefined) {
    const data = allocate(dtype, 1);
    data[0] = dtype === "bfloat16" ? toBFloat16Bits(storage.literal!) : storage.literal!;
    storage.buffer = backendOf(functionName, storage.device).upload(data);
  }
  return storage.buffer;
}
