import { type DType, dtypes } from "../core/dtype.ts";
import { DeviceError, DTypeError } from "../core/errors.ts";
import { describe } from "../core/value-kinds.ts";
import type { Backend } from "./backend.ts";

/**
 * The name of a device: "cpu" and "reference" are always there; others, such as "gpu", once `device` has
 * opened them.
 */
export type DeviceName = string;

/** Which GPU is opened, and how it is programmed. */
export interface GpuOptions {
  /** WGSL written by softstep, or kernels made by gpu.js; the best that there is by default. */
  readonly compiler?: "wgsl" | "gpujs";
  /** What gpu.js runs its kernels on; names the compiler "gpujs" too. */
  readonly mode?: "webgpu" | "webgl2" | "webasm" | "cpu";
  /** Which of several GPUs; the system's choice by default. */
  readonly powerPreference?: "low-power" | "high-performance";
  /**
   * What large matrix products and convolutions of float32 round their operands to; nothing by default. "float16"
   * halves the traffic of a workgroup's memory. It takes WGSL and an adapter with the feature shader-f16; without them
   * products stay in float32, which `describeDevice` says, or the device is refused if it is `required`.
   *
   * Each operand is rounded to 11 significant bits, by at most 2^-11 of itself on a GPU that rounds to the nearest
   * (WGSL lets it take the next one, by less than 2^-10). Products of these are exact and are summed in float32: a
   * result is off by 2^-10 of the sum of |a| |b|, and by what float32 is off. From 65520 on a number becomes infinite;
   * infinities and NaN stay what they are. Below 2^-14 (6.1e-5) a number is rounded by 2^-25, or becomes 0 where the
   * GPU has no subnormal numbers: gradients so small want a loss that is scaled up. Small products, which would gain
   * nothing, stay in float32, and integers stay exact; `explain` tells how each one runs.
   */
  readonly matmulPrecision?: "float32" | "float16";
}

/** A device that has been opened. */
export interface OpenedDevice {
  readonly name: DeviceName;
  readonly backend: Backend;
  /** Whether it has been lost since, so that it must be opened again. */
  readonly isLost?: () => boolean;
  /** What it has in place of something that the options ask for, and why. */
  readonly substitute?: string;
}

/**
 * Opens a device that cannot be had at once. `generation` counts from 1 and goes up when a lost device is opened
 * again: its name must be a new one, because tensors of the old one may still be about.
 *
 * @throws {DeviceError} that says why there is none.
 */
export type DeviceOpener = (
  functionName: string,
  options: GpuOptions,
  generation: number,
) => Promise<OpenedDevice>;

const factories = new Map<DeviceName, () => Backend>();
const started = new Map<DeviceName, Backend>();
const openers = new Map<string, DeviceOpener>();

/** Offers a backend under a device name. It is made at the first use; a backend not used costs nothing. */
export function registerDevice(name: DeviceName, factory: () => Backend): void {
  factories.set(name, factory);
  started.delete(name);
}

/** Offers devices of a kind that are opened asynchronously. */
export function registerOpener(kind: string, open: DeviceOpener): void {
  openers.set(kind, open);
}

/** What opens devices of a kind; undefined where nothing does. */
export function openerOf(kind: string): DeviceOpener | undefined {
  return openers.get(kind);
}

/** The backend of a device. */
export function backendOf(functionName: string, name: DeviceName): Backend {
  let backend = started.get(name);
  if (backend === undefined) {
    const factory = factories.get(name);
    if (factory === undefined) throw unknownDevice(functionName, name);
    backend = factory();
    started.set(name, backend);
  }
  return backend;
}

function unknownDevice(functionName: string, name: unknown): DeviceError {
  if (typeof name !== "string") {
    return new DeviceError(
      functionName,
      `device is ${
        describe(name)
      }; expected a name, such as "cpu" or what await device("gpu") gives`,
    );
  }
  const kind = name.split(":")[0]!;
  return new DeviceError(
    functionName,
    openers.has(kind) || name === "auto"
      ? `device ${JSON.stringify(name)} is not open; expected the name that ` +
        `await device(${JSON.stringify(kind)}) gives`
      : `unknown device ${JSON.stringify(name)}; expected one of ${deviceNames().join(", ")}`,
  );
}

/**
 * The names of the devices that can be used at the moment: "cpu", "reference", and what `device` has opened.
 *
 * @example
 * ```ts
 * import { deviceNames } from "softstep";
 *
 * console.log(deviceNames().includes("cpu")); // => true
 * ```
 */
export function deviceNames(): DeviceName[] {
  return [...factories.keys()];
}

/** The kinds of devices that are opened asynchronously. */
export function openerKinds(): string[] {
  return [...openers.keys()];
}

/** Refuses a dtype that a device does not have; `subject` begins the message. */
export function checkDeviceDType(
  functionName: string,
  dtype: DType,
  device: DeviceName,
  subject = "",
): void {
  const has = backendOf(functionName, device).dtypes;
  if (has.includes(dtype)) return;
  throw new DTypeError(
    functionName,
    `${subject}device ${device} has no ${dtype}; it has ${
      dtypes.filter((other) => has.includes(other)).join(", ")
    }`,
  );
}
