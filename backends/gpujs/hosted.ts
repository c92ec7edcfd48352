/** Modes "cpu", "webasm" and "webgl2": gpu.js runs its kernels itself, and what it cannot do runs on the host. */
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type {
  GpuConstructor,
  GpujsKernelFunction,
  GpujsMode,
  GpujsTexture,
  NestedArray,
  WebGlContext,
} from "./gpu.ts";
import { isWide, narrowed, type WideArray, widened, wideView } from "./host-arrays.ts";
import { hostKernel, type Prepare } from "./host-kernels.ts";
import { keptResults, type KernelResult } from "./host-results.ts";
import {
  checkErrors,
  checkNotLost,
  isTexture,
  longestSide,
  ordered,
  textureSettings,
  withExtents,
} from "./host-textures.ts";
import { accessedBuffers } from "./kernel-buffers.ts";
import type { DialectKernel, Mode, RunKernel } from "./mode.ts";

/** Memory of a tensor: on the host, as a texture, or both. */
export interface HostedMemory {
  readonly byteLength: number;
  host?: ArrayBufferLike | undefined;
  texture?: TextureMemory | undefined;
}

interface TextureMemory {
  /** Numbers of float32, in one row as gpu.js has it. */
  readonly handle: GpujsTexture;
  /** What they are to be read as. */
  readonly dtype: DType;
  readonly result: KernelResult;
  /** Holds the kernel that made it, by which gpu.js reads a texture. */
  readonly maker?: RunKernel<HostedMemory>;
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
  const side = usesTextures ? longestSide(gpu) : Infinity;
  /** Once there has been a texture. */
  let context: WebGlContext | undefined;
  let used = 0;
  const kept = keptResults();
  const copiers = new Map<string, GpujsKernelFunction>();
  /** Of all kernels the last that was built has the vertices that each of them draws, so that it may not go yet. */
  let newest: GpujsKernelFunction | undefined;
  let isNewestAbandoned = false;
  const abandoned = new FinalizationRegistry<GpujsKernelFunction>((kernel) => {
    if (kernel === newest) isNewestAbandoned = true;
    else destroy(kernel);
  });

  function destroy(kernel: GpujsKernelFunction): void {
    kept.forget(kernel);
    kernel.destroy();
  }

  function noteBuilt(kernel: GpujsKernelFunction): void {
    if (isNewestAbandoned) destroy(newest!);
    newest = kernel;
    isNewestAbandoned = false;
    // gpu.js would keep every kernel for ever; what nobody can run any more is to go.
    gpu.kernels.length = 0;
  }

  function memoryOf(byteLength: number, rest: Partial<HostedMemory>): HostedMemory {
    used += byteLength;
    return { byteLength, ...rest };
  }

  /** The bytes on the host, which it reads back where they lie in a texture. */
  function hostOf(memory: HostedMemory): ArrayBufferLike {
    const { texture } = memory;
    if (memory.host === undefined && texture !== undefined) {
      const values = flattened(texture.handle.toArray(), memory.byteLength / 4);
      checkErrors(texture.handle.context);
      memory.host = bytesOf(values, texture.dtype);
    }
    return memory.host ??= new ArrayBuffer(memory.byteLength);
  }

  /** The elements as a texture, which it makes where they lie on the host. */
  function textureOf(memory: HostedMemory, dtype: DType): GpujsTexture {
    if (memory.texture === undefined) {
      const values = wideView(dtype, hostOf(memory));
      const row = inOneRow("Array", values.length, Float32Array.from(values));
      memory.texture = { ...row, dtype };
    }
    return memory.texture.handle;
  }

  /** Copies an array into a texture of one row. Kernels know how their textures lie, so that all have to lie alike. */
  function inOneRow(
    type: string,
    size: number,
    source: Float32Array | GpujsTexture,
    layout = "",
  ): Pick<TextureMemory, "handle" | "result"> {
    const key = `${type} ${size} ${layout}`;
    let copy = copiers.get(key);
    const isNew = copy === undefined;
    if (copy === undefined) {
      copy = gpu.createKernel("function kernel(a) { return a[this.thread.x]; }", {
        output: [size],
        argumentTypes: [type],
        ...textureSettings,
      });
      copiers.set(key, copy);
    }
    const handle = copy(source) as GpujsTexture;
    if (isNew) noteBuilt(copy);
    context = handle.context;
    return { handle, result: kept.note(copy, 4 * size) };
  }

  function releaseTexture(memory: HostedMemory): void {
    if (memory.texture === undefined) return;
    memory.texture.handle.delete();
    kept.release(memory.texture.result);
    memory.texture = undefined;
  }

  function release(memory: HostedMemory): void {
    used -= memory.byteLength;
    releaseTexture(memory);
    memory.host = undefined;
  }

  function compile(kernel: DialectKernel): RunKernel<HostedMemory> {
    const { source, functions, arrays, numbers, output, dtype, loopMaxIterations } = kernel;
    const size = sizeOf(output);
    checkTextures(kernel);
    let built: GpujsKernelFunction | undefined;

    /** Arguments of the first call also tell gpu.js what it compiles for: their extents, and their types. */
    function build(args: readonly (Rows | GpujsTexture)[]): NestedArray | GpujsTexture {
      const shaped = args.map((arg, i) => isTexture(arg) ? withExtents(arg, arrays[i]!.size) : arg);
      const kernel = gpu.createKernel(usesTextures ? ordered(source, functions) : source, {
        output,
        functions,
        argumentTypes: [
          ...args.map((arg) => isTexture(arg) ? arg.type : "Array"),
          ...numbers.map(() => usesTextures ? "Float" : "Number"),
        ],
        ...(loopMaxIterations === undefined ? {} : { loopMaxIterations }),
        ...(usesTextures ? textureSettings : { precision: "single" as const }),
      });
      const result = told(() => kernel(...shaped, ...numbers));
      shaped.forEach((each) => isTexture(each) && each.delete());
      noteBuilt(kernel);
      abandoned.register(runKernel, kernel);
      built = kernel;
      return result;
    }

    const runKernel: RunKernel<HostedMemory> = (memories) => {
      checkNotLost(context);
      const args = memories.map((memory, i) => {
        const { size, dtype } = arrays[i]!;
        return usesTextures
          ? textureOf(memory, dtype)
          : rowsOf(wideView(dtype, hostOf(memory)), size);
      });
      const result = built === undefined ? build(args) : built(...args, ...numbers);
      if (result === undefined || result === null) {
        throw new DeviceError("gpujs", `gpu.js did not run a kernel in mode "${name}":\n${source}`);
      }
      if (!isTexture(result)) {
        return memoryOf(4 * size, { host: bytesOf(flattened(result, size), dtype) });
      }
      context = result.context;
      const own = kept.note(built!, 4 * size);
      if (output.length === 1) {
        const texture = { handle: result, dtype, result: own, maker: runKernel };
        return memoryOf(4 * size, { texture });
      }
      const row = inOneRow(result.type, size, result, String(output));
      result.delete();
      kept.release(own);
      return memoryOf(4 * size, { texture: { ...row, dtype } });
    };
    return runKernel;
  }

  /** In mode "webasm" every kernel has a memory of its own, and browsers give a page about a hundred. */
  function told<Result>(body: () => Result): Result {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const reason = `no memory is left for another kernel of mode "${name}" (${error.message})`;
      throw new DeviceError("gpujs", `${reason}; expected fewer kernels, or another mode`);
    }
  }

  /** Refuses what no texture holds. */
  function checkTextures({ arrays, output }: DialectKernel): void {
    const largest = Math.max(...arrays.map(({ size }) => sizeOf(size)), sizeOf(output));
    const [width, height = 1, depth = 1] = output;
    // gpu.js makes two dimensions a texture as they are, and anything else one that is nearly a square.
    const isWide = height > 1 && depth === 1 && Math.max(width!, height) > side;
    if (largest <= side ** 2 && !isWide) return;
    throw new DeviceError(
      "gpujs",
      `mode "${name}" has tensors of at most ${
        side ** 2
      } elements here, and kernels of two dimensions of at most ` +
        `${side} x ${side}; got ${isWide ? `${width} x ${height}` : `${largest} elements`}`,
    );
  }

  return {
    name,
    limits: {
      // WebGL guarantees 16 textures; the other modes have no limit.
      arrays: usesTextures ? 15 : Infinity,
      threads: usesTextures ? [side, side, side] : [2 ** 24, 2 ** 24, 2 ** 24],
      threadsInARow: usesTextures ? side ** 2 : 2 ** 31 - 1,
      rounds: name === "cpu",
      turns: Infinity,
      wgslFunctions: false,
      lacksBits: usesTextures,
    },
    upload: (data) => {
      const wide = widened(data);
      return memoryOf(wide.byteLength, { host: wide.buffer });
    },
    download: (memory, dtype) => narrowed(dtype, wideView(dtype, hostOf(memory))),
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
          releaseTexture(memory);
          if (!isWide(dtype)) memory.host = widened(arrays.get(`${buffer} ${dtype}`)!).buffer;
        }
      };
    },
    isLost: () => context?.isContextLost() === true,
    describe: () => usesTextures ? "WebGL2 textures, synchronous reads" : "on the host's processor",
    memory: () => ({ heap: used + kept.bytes(), used, tensors: used }),
  };
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
