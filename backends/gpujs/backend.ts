import type { Backend, Executable } from "../../src/backend/backend.ts";
import type { Program } from "../../src/backend/program.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import type { DType } from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { type Box, prepareProgram } from "./executable.ts";
import { checkGpu, type GpujsMode } from "./gpu.ts";
import type { Prepare } from "./host-kernels.ts";
import { hostedMode } from "./hosted.ts";
import type { DialectKernel, Mode } from "./mode.ts";
import { type GpujsDevice, webgpuMode } from "./webgpu.ts";

/** What the backend is made of. */
export interface GpujsOptions {
  /** The class `GPU` of gpu.js 2.24.1. */
  readonly GPU: unknown;
  readonly mode: GpujsMode;
  /** The backend whose device mode "webgpu" shares. */
  readonly webgpu?: GpujsDevice;
  /** The reference's kernels, for what gpu.js cannot do in the other modes. */
  readonly prepare: Prepare;
}

/** gpu.js as a backend. */
export interface GpujsBackend extends Backend {
  readonly free: (buffer: DeviceBuffer) => void;
  /** Tensors that are alive: handles whose memory has not been given back. */
  readonly liveHandles: () => number;
  /** Compiles a kernel in gpu.js's dialect to be run on tensors. */
  readonly compileKernel: (kernel: DialectKernel) => (
    inputs: readonly DeviceBuffer[],
  ) => DeviceBuffer;
}

/** A tensor's memory. gpu.js does not write in place, so a donated tensor gets other memory instead. */
interface Handle<M> extends DeviceBuffer {
  readonly box: Box<M>;
}

const dtypes: readonly DType[] = ["float32", "int32", "uint32", "bool", "bfloat16"];

/**
 * Kernels by gpu.js, in one of its modes.
 *
 * @throws {DeviceError} if this is not gpu.js 2.24.1, or the mode does not work here.
 */
export function gpujsBackend({ GPU, mode, webgpu, prepare }: GpujsOptions): GpujsBackend {
  const checked = checkGpu(GPU);
  if (mode !== "webgpu") return backendOf(hostedMode(checked, mode, prepare));
  if (webgpu === undefined) {
    throw new DeviceError("gpujs", 'mode "webgpu" needs a backend on WebGPU; expected one');
  }
  const shared = webgpu;
  return backendOf(webgpuMode(checked, shared), (functionName) => shared.check(functionName));
}

function backendOf<M>(mode: Mode<M>, check?: (functionName: string) => void): GpujsBackend {
  const handles = new WeakSet<DeviceBuffer>();
  let live = 0;
  const release = (box: Box<M>): void => {
    live--;
    mode.release(box.memory);
  };
  const collected = new FinalizationRegistry(release);

  function handleOf(byteLength: number, memory: M): Handle<M> {
    const handle = { byteLength, box: { memory } };
    handles.add(handle);
    collected.register(handle, handle.box, handle);
    live++;
    return handle;
  }

  function boxOf(buffer: DeviceBuffer): Box<M> {
    if (!handles.has(buffer)) {
      throw new DeviceError(
        "gpujs",
        "this memory belongs to another device, or was given back; expected a tensor of this device",
      );
    }
    return (buffer as Handle<M>).box;
  }

  function refuseDouble(dtype: DType): void {
    if (dtype === "float64") {
      throw new DeviceError("gpujs", "gpu.js has no float64; expected float32, or the device cpu");
    }
  }

  function compile(program: Program): Executable {
    check?.("compile");
    const prepared = prepareProgram(program, mode);
    const { outputs, buffers } = program;
    return {
      ways: prepared.ways,
      run(inputs) {
        check?.("run");
        const results = prepared.run(inputs.map(boxOf));
        return outputs.map(({ buffer }, i) => {
          const plan = buffers[buffer]!;
          return plan.kind === "input"
            ? inputs[plan.input]!
            : handleOf(plan.byteLength, results[i] as M);
        });
      },
    };
  }

  const { downloadSync } = mode;
  return {
    name: "gpujs",
    dtypes,
    fuses: true,
    // One more is written, since nothing is written in place.
    ...(Number.isFinite(mode.limits.arrays) ? { buffersPerLoop: mode.limits.arrays } : {}),
    bytesPerElement: () => 4,
    upload(data) {
      if (data instanceof Float64Array) refuseDouble("float64");
      return handleOf(4 * data.length, mode.upload(data));
    },
    // Not before the call returns a promise, so that errors come in one way.
    async download(buffer, dtype) {
      refuseDouble(dtype);
      return await mode.download(boxOf(buffer).memory, dtype);
    },
    ...(downloadSync === undefined ? {} : {
      downloadSync(buffer: DeviceBuffer, dtype: DType) {
        refuseDouble(dtype);
        return downloadSync(boxOf(buffer).memory, dtype);
      },
    }),
    free(buffer) {
      const box = boxOf(buffer);
      handles.delete(buffer);
      collected.unregister(buffer);
      release(box);
    },
    compile,
    describe: () => `gpu.js in mode "${mode.name}", ${mode.describe()}`,
    memory: () => mode.memory(),
    liveHandles: () => live,
    compileKernel(kernel) {
      const run = mode.compile(kernel);
      const byteLength = 4 * kernel.output.reduce((all, each) => all * each, 1);
      return (inputs) => {
        check?.("run");
        const memory = run(inputs.map((each) => boxOf(each).memory));
        mode.flush();
        return handleOf(byteLength, memory);
      };
    },
  };
}
