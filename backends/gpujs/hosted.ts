/** Modes "cpu", "webasm" and "webgl2": gpu.js runs its kernels itself, and what it cannot do runs on the host. */
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import type {
  GpuConstructor,
  GpujsKernelFunction,
  GpujsMode,
  GpujsTexture,
  HelperFunction,
  NestedArray,
} from "./gpu.ts";
import { isWide, narrowed, type WideArray, widened, wideView } from "./host-arrays.ts";
import { hostKernel, type Prepare } from "./host-kernels.ts";
import { accessedBuffers } from "./kernel-buffers.ts";
import type { DialectKernel, Mode, RunKernel } from "./mode.ts";

/** Memory of a tensor: on the host, as a texture, or both. */
export interface HostedMemory {
  readonly byteLength: number;
  host?: ArrayBufferLike | undefined;
  /** Numbers of float32, and the dtype that they are to be read as. */
  texture?: { readonly handle: GpujsTexture; readonly dtype: DType } | undefined;
}

/** The mode, with `prepare` for what gpu.js cannot do. */
export function hostedMode(
  GPU: GpuConstructor,
  name: Exclude<GpujsMode, "webgpu">,
  prepare: Prepare,
): Mode<HostedMemory> {
  const usesTextures = name === "webgl2";
  let gpu: InstanceType<GpuConstructor>;
  try {
    gpu = new GPU({ mode: name });
  } catch (error) {
    throw new DeviceError("gpujs", `gpu.js has no mode "${name}" here (${error})`);
  }
  let used = 0;
  const copiers = new Map<string, GpujsKernelFunction>();
  const abandoned = new FinalizationRegistry<GpujsKernelFunction>((kernel) => kernel.destroy());

  function memoryOf(byteLength: number, rest: Partial<HostedMemory>): HostedMemory {
    used += byteLength;
    return { byteLength, ...rest };
  }

  /** The bytes on the host, which it reads back where they lie in a texture. */
  function hostOf(memory: HostedMemory): ArrayBufferLike {
    const { texture } = memory;
    if (memory.host === undefined && texture !== undefined) {
      const values = flattened(texture.handle.toArray(), memory.byteLength / 4);
      memory.host = bytesOf(values, texture.dtype);
    }
    return memory.host ??= new ArrayBuffer(memory.byteLength);
  }

  /** The elements as a texture, which it makes where they lie on the host. */
  function textureOf(memory: HostedMemory, dtype: DType): GpujsTexture {
    if (memory.texture === undefined) {
      const values = wideView(dtype, hostOf(memory));
      const upload = copier([values.length], "Array");
      memory.texture = { handle: upload(Float32Array.from(values)) as GpujsTexture, dtype };
    }
    return memory.texture.handle;
  }

  /** A kernel that copies an array into a texture of an extent or several: a texture has its extents for good. */
  function copier(size: readonly number[], type: string): GpujsKernelFunction {
    const key = `${type} ${size}`;
    let copy = copiers.get(key);
    if (copy === undefined) {
      const [x = 1, y = 1] = size;
      const rows = size.length > 1 ? ` + this.thread.y * ${x}` : "";
      const layers = size.length > 2 ? ` + this.thread.z * ${x * y}` : "";
      copy = gpu.createKernel(
        `function kernel(a) { return a[this.thread.x${rows}${layers}]; }`,
        {
          output: size,
          argumentTypes: [type],
          precision: "single",
          pipeline: true,
          immutable: true,
        },
      );
      copiers.set(key, copy);
    }
    return copy;
  }

  function release(memory: HostedMemory): void {
    used -= memory.byteLength;
    memory.texture?.handle.delete();
    memory.texture = undefined;
    memory.host = undefined;
  }

  function compile(kernel: DialectKernel): RunKernel<HostedMemory> {
    const { source, functions, arrays, numbers, output, dtype, loopMaxIterations } = kernel;
    const size = output.reduce((all, each) => all * each, 1);
    let run: GpujsKernelFunction | undefined;
    const runKernel: RunKernel<HostedMemory> = (memories) => {
      const shaped: GpujsTexture[] = [];
      const args = memories.map((memory, i) => {
        const { size, dtype } = arrays[i]!;
        if (!usesTextures) return rowsOf(wideView(dtype, hostOf(memory)), size);
        const texture = textureOf(memory, dtype);
        if (size.length === 1) return texture;
        shaped.push(copier(size, texture.type)(texture) as GpujsTexture);
        return shaped.at(-1)!;
      });
      const kernel = run ?? gpu.createKernel(usesTextures ? ordered(source, functions) : source, {
        output,
        functions,
        // Only a texture that is there tells its type.
        argumentTypes: [
          ...args.map((arg) => "type" in arg ? arg.type : "Array"),
          ...numbers.map(() => usesTextures ? "Float" : "Number"),
        ],
        ...(loopMaxIterations === undefined ? {} : { loopMaxIterations }),
        precision: "single",
        ...(usesTextures ? { pipeline: true, immutable: true } : {}),
      });
      const result = kernel(...args, ...numbers);
      if (run === undefined) {
        run = kernel;
        // gpu.js would keep every kernel for ever; what nobody can run any more is to go.
        gpu.kernels.length = 0;
        abandoned.register(runKernel, kernel);
      }
      shaped.forEach((each) => each.delete());
      if (result === undefined || result === null) {
        throw new DeviceError("gpujs", `gpu.js did not run a kernel in mode "${name}":\n${source}`);
      }
      if ("delete" in result) {
        return memoryOf(4 * size, { texture: { handle: result, dtype } });
      }
      return memoryOf(4 * size, { host: bytesOf(flattened(result, size), dtype) });
    };
    return runKernel;
  }

  const downloadSync = (memory: HostedMemory, dtype: DType): TypedArray =>
    narrowed(dtype, wideView(dtype, hostOf(memory)));

  return {
    name,
    limits: {
      // WebGL guarantees 16 textures; the other modes have no limit.
      arrays: usesTextures ? 15 : Infinity,
      threads: [2 ** 24, 2 ** 24, 2 ** 24],
      threadsInARow: 2 ** 31 - 1,
      rounds: name === "cpu",
      wgslFunctions: false,
    },
    upload: (data) => {
      const wide = widened(data);
      return memoryOf(wide.byteLength, { host: wide.buffer });
    },
    download: (memory, dtype) => Promise.resolve(downloadSync(memory, dtype)),
    downloadSync,
    allocate: (byteLength) => memoryOf(byteLength, { host: new ArrayBuffer(byteLength) }),
    release,
    compile,
    compileElsewhere(kernel) {
      const run = hostKernel(kernel, prepare);
      const accessed = accessedBuffers(kernel);
      return (memoryOf) => {
        const arrays = new Map<string, TypedArray>();
        for (const { buffer, dtype } of accessed) {
          const wide = wideView(dtype, hostOf(memoryOf(buffer)));
          arrays.set(`${buffer} ${dtype}`, isWide(dtype) ? wide : narrowed(dtype, wide));
        }
        run((buffer, dtype) => arrays.get(`${buffer} ${dtype}`)!);
        for (const { buffer, dtype, isWritten } of accessed) {
          if (!isWritten) continue;
          const memory = memoryOf(buffer);
          memory.texture?.handle.delete();
          memory.texture = undefined;
          if (!isWide(dtype)) memory.host = widened(arrays.get(`${buffer} ${dtype}`)!).buffer;
        }
      };
    },
    describe: () => usesTextures ? "WebGL2 textures, synchronous reads" : "on the host's processor",
    memory: () => ({ heap: used, used, tensors: used }),
  };
}

/**
 * GLSL wants functions before their callers, and gpu.js orders them by the first calls that it meets: so the text begins
 * with calls of all of them, callers first, which never run. `functions` lists callees first.
 */
function ordered(source: string, functions: readonly HelperFunction[]): string {
  if (functions.length < 2) return source;
  const calls = functions.toReversed().map(({ source, settings }) => {
    const zeros = Object.keys(settings.argumentTypes).map(() => "0");
    return `${/function (\w+)/.exec(source)![1]}(${zeros.join(", ")});`;
  });
  return source.replace("{", () => `{\nif (this.thread.x < 0) {\n${calls.join("\n")}\n}`);
}

/** An array as gpu.js takes it: rows of an innermost extent, and layers of rows. */
type Rows = WideArray | readonly Rows[];

function rowsOf(values: WideArray, size: readonly number[]): Rows {
  if (size.length === 1) return values;
  const count = size.at(-1)!;
  const length = values.length / count;
  return Array.from(
    { length: count },
    (_, i) => rowsOf(values.subarray(i * length, (i + 1) * length), size.slice(0, -1)),
  );
}

function bytesOf(values: Float32Array, dtype: DType): ArrayBufferLike {
  if (dtype === "float32" || dtype === "bfloat16") return values.buffer;
  return (dtype === "int32" ? Int32Array.from(values) : Uint32Array.from(values)).buffer;
}

/** Rows, or layers of rows, as one array of its own. */
function flattened(result: NestedArray, size: number): Float32Array {
  if (result instanceof Float32Array && result.length === size) return result;
  const flat = new Float32Array(size);
  let at = 0;
  const add = (part: NestedArray): void => {
    if (!(part instanceof Float32Array)) return part.forEach(add);
    flat.set(part.subarray(0, size - at), at);
    at += part.length;
  };
  add(result);
  return flat;
}
