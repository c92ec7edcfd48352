import {
  backendOf,
  type DeviceName,
  deviceNames,
  type DeviceOpener,
  type GpuOptions,
  type OpenedDevice,
  openerKinds,
  openerOf,
  registerDevice,
} from "../backend/registry.ts";
import { DeviceError, OptionError } from "../core/errors.ts";
import { reasonOf } from "../core/in-name-of.ts";
import { checkBoolean, checkKnown } from "../core/options.ts";
import { describe } from "../core/value-kinds.ts";
import { noteFallback } from "./device-information.ts";
import { defaultDevice } from "./placement.ts";

/** What `device` opens: "auto" is a GPU where there is one, and else "cpu". */
export type DeviceKind = "auto" | "gpu" | "cpu" | "reference";

/** How a device is opened. */
export interface DeviceOptions extends GpuOptions {
  /** Throw where there is no GPU, instead of giving "cpu"; false by default. */
  readonly required?: boolean;
}

const choices: { readonly [Name in keyof Required<GpuOptions>]: readonly string[] } = {
  compiler: ["wgsl", "gpujs"],
  mode: ["webgpu", "webgl2", "webasm", "cpu"],
  powerPreference: ["low-power", "high-performance"],
  matmulPrecision: ["float32", "float16"],
};

/** Under way or done; `device` is there once it is open. */
interface Opening {
  readonly promise: Promise<OpenedDevice>;
  device?: OpenedDevice;
}

// One opening for each kind with its options, and how often it has succeeded. What failed is not kept: a driver or a
// package may be there at the next call.
const openings = new Map<string, Opening>();
const generations = new Map<string, number>();
const opened = new Set<DeviceName>();
const warnings = new Set<string>();

/**
 * Opens a device and gives its name, for the `device` option of `tensor`, `zeros`, `key`, ... and for `devicePut`:
 *
 * - "gpu": a GPU through WebGPU, or in browsers without it through gpu.js and WebGL2. Where there is none the name is
 *   "cpu", with a warning once; with `required` an error tells what was tried.
 * - "auto": the same without the warning.
 * - "cpu" and "reference" are there without being opened; so is every name that `device` gave before.
 *
 * A GPU is opened once for its options and computes at once; only reading is asynchronous (`await x.data()`,
 * `deviceGet`). `describeDevice` tells what runs, and why. After a GPU was lost, another call opens it anew, under
 * another name.
 *
 * @param kind What to open.
 * @param options Which GPU, and how it is programmed.
 * @returns The name of the device.
 * @throws {DeviceError} if the kind is unknown, or a device is required and not there, or not as the options ask for.
 * @throws {OptionError} if an option is unknown, has no such value, or does not fit the others.
 *
 * @example
 * ```ts
 * import { add, device, tensor } from "softstep";
 *
 * const fastest = await device("auto");
 * const x = tensor([1, 2], { device: fastest });
 * console.log(await add(x, 1).array()); // => [ 2, 3 ]
 * ```
 */
export async function device(
  kind: DeviceKind | DeviceName,
  options: DeviceOptions = {},
): Promise<DeviceName> {
  if (typeof kind !== "string") {
    throw new DeviceError("device", `kind is ${describe(kind)}; expected one of ${kinds()}`);
  }
  const opensAs = kind === "auto" ? "gpu" : kind;
  const open = openerOf(opensAs);
  const { required, ...gpu } = readOptions(kind, options, open !== undefined);
  if (open === undefined) {
    if (kind === "auto") return defaultDevice;
    checkKind(kind);
    if (opened.has(kind)) noteFallback(undefined);
    return kind;
  }
  try {
    const { name, substitute } = await openOnce(opensAs, open, gpu);
    noteFallback(undefined);
    if (required && substitute !== undefined) {
      throw new DeviceError(
        "device",
        `${name} has ${substitute}; expected nothing in place of what is required`,
      );
    }
    return name;
  } catch (error) {
    if (required || !(error instanceof DeviceError)) throw error;
    const reason = reasonOf(error);
    noteFallback(reason);
    if (kind !== "auto") warnOnce(kind, reason);
    return defaultDevice;
  }
}

function openOnce(kind: string, open: DeviceOpener, options: GpuOptions): Promise<OpenedDevice> {
  const key = `${kind} ${JSON.stringify(options)}`;
  const known = openings.get(key);
  if (known !== undefined && !known.device?.isLost?.()) return known.promise;
  const generation = (generations.get(key) ?? 0) + 1;
  const run = async (): Promise<OpenedDevice> => {
    try {
      const device = await open("device", options, generation);
      registerDevice(device.name, () => device.backend);
      generations.set(key, generation);
      opened.add(device.name);
      opening.device = device;
      return device;
    } catch (error) {
      openings.delete(key);
      throw error;
    }
  };
  // An opener that throws at once must find the entry that it takes away.
  const opening: Opening = { promise: Promise.resolve().then(run) };
  openings.set(key, opening);
  return opening.promise;
}

/** The options in one order, so that equal ones make equal keys; refuses what makes no sense. */
function readOptions(
  kind: string,
  options: DeviceOptions,
  opens: boolean,
): GpuOptions & { readonly required: boolean } {
  const known = opens ? [...Object.keys(choices), "required"] : ["required"];
  checkKnown("device", options, known, ` for device ${JSON.stringify(kind)}`);
  const { compiler, mode, powerPreference, matmulPrecision, required = false } = options;
  for (
    const [name, value] of Object.entries({ compiler, mode, powerPreference, matmulPrecision })
  ) {
    const values = choices[name as keyof GpuOptions];
    if (value === undefined || values.includes(value)) continue;
    throw new OptionError(
      "device",
      `${name} is ${describe(value)}; expected one of ${values.join(", ")}`,
    );
  }
  checkBoolean("device", "required", required);
  if (required && kind === "auto") {
    throw new OptionError(
      "device",
      `"auto" takes what there is; expected device("gpu", { required: true })`,
    );
  }
  if (mode !== undefined && compiler === "wgsl") {
    throw new OptionError(
      "device",
      `mode ${JSON.stringify(mode)} is one of gpu.js; expected the compiler "gpujs", or no mode`,
    );
  }
  if (matmulPrecision === "float16" && (mode !== undefined || compiler === "gpujs")) {
    throw new OptionError(
      "device",
      `matmulPrecision "float16" is not one of gpu.js; expected the compiler "wgsl", or "float32"`,
    );
  }
  return {
    ...(mode !== undefined ? { compiler: "gpujs", mode } : compiler !== undefined && { compiler }),
    ...(powerPreference !== undefined && { powerPreference }),
    // What is the default anyway makes no other device.
    ...(matmulPrecision === "float16" && { matmulPrecision }),
    required,
  };
}

function checkKind(kind: string): void {
  if (deviceNames().includes(kind)) return;
  // A name that some GPU may get, but has not.
  if (openerOf(kind.split(":")[0]!) !== undefined) backendOf("device", kind);
  throw new DeviceError(
    "device",
    `unknown device ${JSON.stringify(kind)}; expected one of ${kinds()}`,
  );
}

/** What can be asked for at the moment. */
function kinds(): string {
  return [...new Set(["auto", ...openerKinds(), ...deviceNames()])].join(", ");
}

function warnOnce(kind: string, reason: string): void {
  if (warnings.has(reason)) return;
  warnings.add(reason);
  console.warn(
    `softstep: device(${JSON.stringify(kind)}) gives ${
      JSON.stringify(defaultDevice)
    }: ${reason}. ` +
      `device("auto") does not warn; device("gpu", { required: true }) throws.`,
  );
}
