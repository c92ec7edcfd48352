import { importFailure } from "../../src/backend/import-failure.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { type ShaderLimits, vectorBytes } from "./shader.ts";

/** How a device is chosen. */
export interface OpenOptions {
  /** Which of several adapters; the system's choice where absent. */
  readonly powerPreference?: "low-power" | "high-performance";
  /** Whether products may round to float16, if the adapter has it; false by default. */
  readonly float16?: boolean;
}

/** A GPU that is ready. */
export interface OpenedGpu {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  /** The adapter and who speaks to it, for people to read. */
  readonly description: string;
  readonly limits: ShaderLimits;
}

interface Gpu {
  readonly gpu: GPU;
  /** Whose implementation it is. */
  readonly from: string;
}

// The package takes the device down when the object that it made is collected.
let ofPackage: Promise<Gpu> | undefined;

/**
 * Finds an adapter and opens a device on it, with everything that the adapter has and that kernels can use.
 *
 * @throws {DeviceError} if there is no WebGPU, no adapter, or no device.
 */
export async function openGpu(
  functionName: string,
  { powerPreference, float16 = false }: OpenOptions = {},
): Promise<OpenedGpu> {
  const { gpu, from } = await findGpu(functionName);
  const adapter = await findAdapter(functionName, gpu, from, powerPreference);
  const device = await openDevice(functionName, adapter);
  const { limits, features } = device;
  return {
    adapter,
    device,
    description: `${nameOf(adapter)}, through ${from}`,
    limits: {
      workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      invocationsPerWorkgroup: Math.min(
        limits.maxComputeInvocationsPerWorkgroup,
        limits.maxComputeWorkgroupSizeX,
      ),
      workgroupStorage: limits.maxComputeWorkgroupStorageSize,
      buffers: limits.maxStorageBuffersPerShaderStage,
      bindingBytes: Math.floor(limits.maxStorageBufferBindingSize / vectorBytes) * vectorBytes,
      bindingAlignment: limits.minStorageBufferOffsetAlignment,
      subgroups: features.has("subgroups"),
      ...subgroupSizeOf(gpu, adapter),
      float16: float16 && features.has("shader-f16"),
    },
  };
}

async function findAdapter(
  functionName: string,
  gpu: GPU,
  from: string,
  powerPreference: OpenOptions["powerPreference"],
): Promise<GPUAdapter> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
  } catch (error) {
    // Some browsers have WebGPU by name only.
    throw new DeviceError(functionName, `${from} gives no adapter: ${messageOf(error)}`);
  }
  if (adapter === null) {
    throw new DeviceError(
      functionName,
      `${from} finds no adapter; expected a GPU with a driver for Vulkan, Metal or Direct3D 12`,
    );
  }
  return adapter;
}

/** The runtime's own WebGPU, or else the package's: `navigator.gpu` may be there and offer no adapter. */
async function findGpu(functionName: string): Promise<Gpu> {
  const own = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (own !== undefined) {
    return { gpu: own, from: "Deno" in globalThis ? "WebGPU of Deno" : "navigator.gpu" };
  }
  if (!("process" in globalThis)) {
    throw new DeviceError(functionName, "navigator.gpu is missing; expected a browser with WebGPU");
  }
  ofPackage ??= importPackage(functionName);
  try {
    return await ofPackage;
  } catch (error) {
    // What was missing may be installed by the next time.
    ofPackage = undefined;
    throw error;
  }
}

/** WebGPU for Node and Bun: Dawn, in a package that is an optional peer. */
async function importPackage(functionName: string): Promise<Gpu> {
  // A name that bundlers do not see, so that they do not ask for the package.
  const name = "webgpu";
  try {
    const dawn: { create(flags: string[]): GPU } = await import(name);
    return { gpu: dawn.create([]), from: "the package webgpu" };
  } catch (error) {
    throw new DeviceError(
      functionName,
      `this runtime has no WebGPU of its own, and the package webgpu ` +
        `${importFailure(name, error)}; install it (npm install webgpu@0.6, or bun add webgpu@0.6)`,
    );
  }
}

/** A device with the adapter's own limits: the defaults are what every adapter has, and small. */
async function openDevice(functionName: string, adapter: GPUAdapter): Promise<GPUDevice> {
  const wanted = [
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxStorageBuffersPerShaderStage",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
    "maxComputeWorkgroupsPerDimension",
  ] as const;
  const features = ["timestamp-query", "shader-f16", "subgroups"] as const;
  try {
    return await adapter.requestDevice({
      label: "softstep",
      requiredLimits: Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]])),
      requiredFeatures: features.filter((name) => adapter.features.has(name)) as GPUFeatureName[],
    });
  } catch (error) {
    throw new DeviceError(functionName, `${nameOf(adapter)} gives no device: ${messageOf(error)}`);
  }
}

/** The invocations of every subgroup, where they are as many in each and can be told by their number. */
function subgroupSizeOf(gpu: GPU, { info }: GPUAdapter): { subgroupSize?: number } {
  const { subgroupMinSize: least, subgroupMaxSize: most } = info as {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  // Not every runtime's types have it.
  const { wgslLanguageFeatures } = gpu as {
    readonly wgslLanguageFeatures?: { has(name: string): boolean };
  };
  const isNumbered = wgslLanguageFeatures?.has("subgroup_id");
  return isNumbered && least !== undefined && least === most ? { subgroupSize: least } : {};
}

/** What an adapter says of itself; each says it in another field. */
function nameOf({ info }: GPUAdapter): string {
  const { vendor, architecture, device, description } = info;
  const short = [vendor, architecture, device].filter((text) => /[a-z]/i.test(text)).join(" ");
  return description || short || "an adapter without a name";
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
