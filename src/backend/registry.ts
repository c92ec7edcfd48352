import { DeviceError } from "../core/errors.ts";
import type { Backend } from "./backend.ts";

/** The name of a device: "cpu" is always there; others are registered by their backend. */
export type DeviceName = string;

const factories = new Map<DeviceName, () => Backend>();
const started = new Map<DeviceName, Backend>();

/** Offers a backend under a device name. It is made at the first use; a backend not used costs nothing. */
export function registerDevice(name: DeviceName, factory: () => Backend): void {
  factories.set(name, factory);
  started.delete(name);
}

/** The backend of a device. */
export function backendOf(functionName: string, name: DeviceName): Backend {
  let backend = started.get(name);
  if (backend === undefined) {
    const factory = factories.get(name);
    if (factory === undefined) {
      throw new DeviceError(
        functionName,
        `unknown device ${JSON.stringify(name)}; expected one of ${deviceNames().join(", ")}`,
      );
    }
    backend = factory();
    started.set(name, backend);
  }
  return backend;
}

/** The names of the devices that are registered. */
export function deviceNames(): DeviceName[] {
  return [...factories.keys()];
}
