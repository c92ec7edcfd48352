import { backendOf, type DeviceName } from "../backend/registry.ts";
import type { DeviceBuffer } from "../core/device-buffer.ts";
import { allocate, type DType, toBFloat16Bits } from "../core/dtype.ts";
import { DonatedError, FreedError } from "../core/errors.ts";

/** The memory behind a concrete tensor. */
export interface Storage {
  readonly kind: "storage";
  readonly device: DeviceName;
  /** Absent for a number that no kernel has needed as memory yet, after donation, and when it was freed. */
  buffer: DeviceBuffer | undefined;
  /** The value, where the tensor is a scalar made from a JavaScript number: it is traced as a number. */
  readonly literal: number | undefined;
  /** Whether a jitted function made it without saying where: it goes wherever the program runs. */
  readonly unplaced: boolean;
  /** The function that the memory was donated to. */
  donatedTo: string | undefined;
  /** Whether a scope has given the memory back. */
  freed: boolean;
  /** The last call that looked for memory that it was given twice. */
  call: number;
}

/** Storages whose memory somebody gives back later. */
export type Owner = Set<Storage>;

// Whom memory that is taken now belongs to; undefined: to the garbage collector.
let owner: Owner | undefined;

/** Whom memory that is taken now belongs to. */
export function currentOwner(): Owner | undefined {
  return owner;
}

/** Lets the memory that is taken from now on belong to somebody, or to the garbage collector. */
export function setOwner(next: Owner | undefined): void {
  owner = next;
}

/** Storage around a buffer of a device. */
export function bufferStorage(
  device: DeviceName,
  buffer: DeviceBuffer,
  unplaced = false,
): Storage {
  const storage: Storage = {
    kind: "storage",
    device,
    buffer,
    literal: undefined,
    unplaced,
    donatedTo: undefined,
    freed: false,
    call: 0,
  };
  owner?.add(storage);
  return storage;
}

/** Storage of one number, uploaded when a kernel needs it. */
export function literalStorage(device: DeviceName, literal: number): Storage {
  return {
    kind: "storage",
    device,
    buffer: undefined,
    literal,
    unplaced: false,
    donatedTo: undefined,
    freed: false,
    call: 0,
  };
}

/** The buffer of a storage; refuses one that was donated or freed. */
export function bufferOf(functionName: string, storage: Storage, dtype: DType): DeviceBuffer {
  if (storage.donatedTo !== undefined) {
    throw new DonatedError(
      functionName,
      `this tensor was donated to ${storage.donatedTo}, which wrote over its memory; use the value that it ` +
        `returned, or leave this argument out of donate`,
    );
  }
  if (storage.freed) {
    throw new FreedError(
      functionName,
      "this tensor was freed at the end of the scope in which it was made; return it from the function that is " +
        "given to scope, or make it outside",
    );
  }
  if (storage.buffer === undefined) {
    const data = allocate(dtype, 1);
    data[0] = dtype === "bfloat16" ? toBFloat16Bits(storage.literal!) : storage.literal!;
    storage.buffer = backendOf(functionName, storage.device).upload(data);
    owner?.add(storage);
  }
  return storage.buffer;
}
