/** Mode "webgpu": gpu.js translates kernels to WGSL, and we run them on the buffers of the WebGPU backend. */
import type { Executable, MemoryStatistics } from "../../src/backend/backend.ts";
import type { AnyKernel, BufferPlan, Program } from "../../src/backend/program.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import {
  accessorOf,
  declaredArray,
  declaredResult,
  type GpuConstructor,
  type TranslatedKernel,
  wgslTranslator,
} from "./gpu.ts";
import { buffersOf, renumbered } from "./kernel-buffers.ts";
import type { DialectKernel, Mode, RunKernel } from "./mode.ts";

/** Memory on the device that is shared. */
export interface SharedBuffer extends DeviceBuffer {
  /** May be longer than the tensor. */
  readonly buffer: GPUBuffer;
}

/** What mode "webgpu" needs of a backend on WebGPU: its device, its memory, and its kernels where gpu.js has none. */
export interface GpujsDevice {
  readonly device: GPUDevice;
  upload(data: TypedArray): SharedBuffer;
  download(buffer: DeviceBuffer, dtype: DType): Promise<TypedArray>;
  /** Memory of any content. */
  allocate(byteLength: number): SharedBuffer;
  free(buffer: DeviceBuffer): void;
  compile(program: Program): Executable;
  /** Submits commands, after everything that was asked for before. */
  submit(commands: GPUCommandBuffer): void;
  /** @throws {DeviceError} if the device has failed. */
  check(functionName: string): void;
  describe?(): string;
  memory?(): MemoryStatistics;
}

const uniformUsage = 0x40;
const computeStage = 0x4;
/** Bind groups of a kernel that are kept: handles in turn, and some more for what pools hand out. */
const keptGroups = 8;

/** The mode on a device. */
export function webgpuMode(GPU: GpuConstructor, shared: GpujsDevice): Mode<SharedBuffer> {
  const { device } = shared;
  const translate = wgslTranslator(GPU);
  const pipelines = new Map<string, GPUComputePipeline>();
  const groupsPerRow = device.limits.maxComputeWorkgroupsPerDimension;
  const numbers = new WeakMap<GPUBuffer, number>();
  let nextNumber = 0;
  let pass: { encoder: GPUCommandEncoder; pass: GPUComputePassEncoder } | undefined;

  const spare = new Map<number, SharedBuffer[]>();
  const abandoned = new FinalizationRegistry<GPUBuffer>((params) => params.destroy());

  function passOf(): GPUComputePassEncoder {
    if (pass === undefined) {
      const encoder = device.createCommandEncoder({ label: "gpu.js" });
      pass = { encoder, pass: encoder.beginComputePass() };
    }
    return pass.pass;
  }

  function flush(): void {
    if (pass === undefined) return;
    pass.pass.end();
    const commands = pass.encoder.finish();
    pass = undefined;
    shared.submit(commands);
    // Only now: what is free may be destroyed at once.
    const free = [...spare.values()].flat();
    spare.clear();
    free.forEach((each) => shared.free(each));
  }

  /** Memory that commands before the next submit have done with serves those that follow. */
  function allocate(byteLength: number): SharedBuffer {
    return spare.get(byteLength)?.pop() ?? shared.allocate(byteLength);
  }

  function release(memory: SharedBuffer): void {
    if (pass === undefined) return shared.free(memory);
    const same = spare.get(memory.byteLength);
    if (same === undefined) spare.set(memory.byteLength, [memory]);
    else same.push(memory);
  }

  function numberOf(buffer: GPUBuffer): number {
    let number = numbers.get(buffer);
    if (number === undefined) numbers.set(buffer, number = nextNumber++);
    return number;
  }

  function compile(kernel: DialectKernel): RunKernel<SharedBuffer> {
    const { arrays, output, functions, source, loopMaxIterations } = kernel;
    const translated = translate(source, {
      output,
      functions,
      ...(loopMaxIterations === undefined ? {} : { loopMaxIterations }),
      argumentTypes: [...arrays.map(() => "WebGPUBuffer"), ...kernel.numbers.map(() => "Number")],
    });
    const code = typed(translated, kernel);
    let pipeline = pipelines.get(code);
    if (pipeline === undefined) {
      pipeline = pipelineOf(device, code, arrays.length);
      pipelines.set(code, pipeline);
    }
    const made = pipeline;
    const { workgroups, dispatchWidth } = dispatchOf(translated, output, groupsPerRow);
    const params = paramsOf(device, translated, kernel, dispatchWidth);
    const layout = made.getBindGroupLayout(0);
    const groups = new Map<string, GPUBindGroup>();
    const byteLength = 4 * output.reduce((all, each) => all * each, 1);

    function groupOf(buffers: readonly GPUBuffer[]): GPUBindGroup {
      const key = buffers.map(numberOf).join();
      let group = groups.get(key);
      if (group === undefined) {
        group = device.createBindGroup({
          layout,
          entries: [params, ...buffers].map((buffer, binding) => ({
            binding,
            resource: { buffer },
          })),
        });
        if (groups.size >= keptGroups) groups.delete(groups.keys().next().value!);
        groups.set(key, group);
      }
      return group;
    }

    const run: RunKernel<SharedBuffer> = (arrays) => {
      const result = allocate(byteLength);
      const encoder = passOf();
      encoder.setPipeline(made);
      encoder.setBindGroup(0, groupOf([...arrays, result].map(({ buffer }) => buffer)));
      encoder.dispatchWorkgroups(...workgroups);
      return result;
    };
    abandoned.register(run, params);
    return run;
  }

  return {
    name: "webgpu",
    substitute: "WGSL",
    limits: {
      arrays: device.limits.maxStorageBuffersPerShaderStage - 1,
      threads: [8 * groupsPerRow, 8 * groupsPerRow, groupsPerRow],
      threadsInARow: 2 ** 31 - 1,
      rounds: false,
    },
    // Writing to a buffer comes before commands that were not submitted yet.
    upload(data) {
      flush();
      return shared.upload(data);
    },
    download(memory, dtype) {
      flush();
      return shared.download(memory, dtype);
    },
    allocate,
    release,
    compile,
    compileElsewhere(kernel, byteLengthOf) {
      const { buffers, program } = programOf(kernel, byteLengthOf);
      const executable = shared.compile(program);
      return (memoryOf) => {
        flush();
        executable.run(buffers.map(memoryOf));
      };
    },
    flush,
    describe: () => shared.describe?.() ?? "WebGPU",
    memory: () => shared.memory?.() ?? { heap: 0, used: 0, tensors: 0 },
  };
}

/** A program of one kernel that writes over buffers that are handed in. */
function programOf(
  kernel: AnyKernel,
  byteLengthOf: (buffer: number) => number,
): { buffers: readonly number[]; program: Program } {
  const used = buffersOf(kernel);
  const inputs = used.map(({ buffer, dtype }) => ({ shape: [byteLengthOf(buffer) / 4], dtype }));
  const plans = used.map(({ buffer }, input): BufferPlan => ({
    kind: "input",
    input,
    byteLength: byteLengthOf(buffer),
  }));
  const outputs = used.flatMap(({ isWritten }, i) =>
    isWritten ? [{ buffer: i, spec: inputs[i]! }] : []
  );
  const buffers = used.map(({ buffer }) => buffer);
  const kernels = [renumbered(kernel, (buffer) => buffers.indexOf(buffer))];
  return { buffers, program: { buffers: plans, kernels, inputs, outputs, arenaBytes: 0 } };
}

/** How WGSL holds a dtype that gpu.js takes for numbers of float32. */
function elementType(dtype: DType): "f32" | "i32" | "u32" {
  if (dtype === "int32") return "i32";
  return dtype === "uint32" || dtype === "bool" ? "u32" : "f32";
}

/** The translation with arrays of the types that our buffers have: gpu.js knows float32 only. */
function typed({ code, layout }: TranslatedKernel, { arrays, dtype }: DialectKernel): string {
  let text = code;
  const replace = (from: string, to: string): void => {
    if (!text.includes(from)) {
      throw new DeviceError("gpujs", `gpu.js translated to something unexpected: no "${from}"`);
    }
    text = text.replace(from, () => to);
  };
  for (const { name, index } of layout.arrayArgs) {
    const { dtype } = arrays[index]!;
    const type = elementType(dtype);
    if (type === "f32") continue;
    replace(declaredArray(name, "f32"), declaredArray(name, type));
    const accessor = accessorOf(name);
    const element = accessor.slice("return ".length, -1);
    // SwiftShader does not round large uint32 to the nearest float32; halves are exact, and their sum is rounded once.
    const value = dtype === "uint32"
      ? "f32(word >> 16u) * 65536.0 + f32(word & 0xffffu)"
      : "f32(word)";
    replace(accessor, `let word = ${element}; return ${value};`);
  }
  const type = elementType(dtype);
  if (type !== "f32") {
    replace(declaredResult("f32"), declaredResult(type));
    text = text.replace(
      /result\[data_index\] = (.*);return;/g,
      `result[data_index] = ${type}($1);return;`,
    );
  }
  return text;
}

function pipelineOf(device: GPUDevice, code: string, arrays: number): GPUComputePipeline {
  const entry = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
    binding,
    visibility: computeStage,
    buffer: { type },
  });
  const layout = device.createBindGroupLayout({
    entries: [
      entry(0, "uniform"),
      ...Array.from({ length: arrays }, (_, i) => entry(1 + i, "read-only-storage")),
      entry(1 + arrays, "storage"),
    ],
  });
  return device.createComputePipeline({
    label: "gpu.js",
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
}

/** Workgroups, and how many threads lie in one row of them: the text of gpu.js joins the rows of a result of one axis. */
function dispatchOf(
  { workgroupSize }: TranslatedKernel,
  output: readonly number[],
  most: number,
): { workgroups: [number, number, number]; dispatchWidth: number } {
  const workgroups = workgroupSize.map((size, i) => Math.ceil((output[i] ?? 1) / size)) as [
    number,
    number,
    number,
  ];
  if (output.length > 1) return { workgroups, dispatchWidth: 0 };
  const rows = Math.ceil(workgroups[0] / most);
  const columns = Math.ceil(workgroups[0] / rows);
  return { workgroups: [columns, rows, 1], dispatchWidth: columns * workgroupSize[0] };
}

/** The extents of everything and the numbers: they never change, so they are written once. */
function paramsOf(
  device: GPUDevice,
  { layout }: TranslatedKernel,
  { arrays, numbers, output }: DialectKernel,
  dispatchWidth: number,
): GPUBuffer {
  const buffer = device.createBuffer({
    label: "gpu.js params",
    size: layout.byteLength,
    usage: uniformUsage,
    mappedAtCreation: true,
  });
  const view = new DataView(buffer.getMappedRange());
  const words = (offset: number, values: readonly number[]): void =>
    values.forEach((value, i) => view.setUint32(offset + 4 * i, value, true));
  words(0, [output[0]!, output[1] ?? 1, output[2] ?? 1, dispatchWidth]);
  for (const { index, dimsOffset } of layout.arrayArgs) {
    const [x = 1, y = 1, z = 1] = arrays[index]!.size;
    words(dimsOffset, [x, y, z, x * y * z]);
  }
  for (const { index, offset } of layout.scalarArgs) {
    view.setFloat32(offset, numbers[index - arrays.length]!, true);
  }
  if (layout.randomSeedOffset !== null) view.setUint32(layout.randomSeedOffset, 0, true);
  buffer.unmap();
  return buffer;
}
