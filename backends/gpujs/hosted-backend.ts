import type { Executable } from "../../src/backend/backend.ts";
import type { Program } from "../../src/backend/program.ts";
import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import type { DType, TypedArray } from "../../src/core/dtype.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { GpujsBackend } from "./backend.ts";
import { type Box, prepareProgram } from "./executable.ts";
import type { Mode } from "./mode.ts";

/** A tensor's memory. gpu.js does not write in place, so a donated tensor gets other memory instead. */
interface Handle<M> extends DeviceBuffer {
  readonly box: Box<M>;
}

const dtypes: readonly DType[] = ["float32", "int32", "uint32", "bool", "bfloat16"];

/** A mode in which gpu.js runs its kernels itself, on memory of its own. */
export function hostedBackend<M>(mode: Mode<M>): GpujsBackend {
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
    const prepared = prepareProgram(program, mode);
    const { outputs, buffers } = program;
    return {
      ways: prepared.ways,
      run(inputs) {
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

  function downloadSync(buffer: DeviceBuffer, dtype: DType): TypedArray {
    refuseDouble(dtype);
    return mode.download(boxOf(buffer).memory, dtype);
  }

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
    downloadSync,
    // Errors come by the promise.
    download: (...given) => new Promise((resolve) => resolve(downloadSync(...given))),
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
    isLost: () => mode.isLost(),
    compileKernel(kernel) {
      const run = mode.compile(kernel);
      const byteLength = 4 * sizeOf(kernel.output);
      return (inputs) => handleOf(byteLength, run(inputs.map((each) => boxOf(each).memory)));
    },
  };
}
