import type { DeviceBuffer } from "../../src/core/device-buffer.ts";
import { DeviceError } from "../../src/core/errors.ts";
import { formatSpec, sizeOf, type TensorSpec } from "../../src/core/shape.ts";
import type { GpujsBackend } from "./backend.ts";
import type { HelperFunction } from "./gpu.ts";

/** A kernel that somebody wrote. */
export interface GpujsKernelOptions {
  /** Text that begins with `function`, in gpu.js's dialect; its arguments are the inputs and then the numbers. */
  readonly source: string;
  /** The inputs, which the function sees as arrays of one to three dimensions; a scalar as an array of one element. */
  readonly inputs: readonly TensorSpec[];
  /** What comes out; `this.thread.x` runs along its last axis, y and z along those before it. */
  readonly output: TensorSpec;
  readonly numbers?: readonly number[];
  readonly functions?: readonly HelperFunction[];
  /** Turns after which gpu.js ends a loop whose bounds are no constants; 1,000 where absent. */
  readonly loopMaxIterations?: number;
}

/**
 * Compiles a kernel in gpu.js's dialect, in the mode of the backend, and gives what runs it on the device's memory:
 * synchronously, without reading anything back.
 *
 * @throws {DeviceError} if a shape has more than three axes, or gpu.js does not take the text.
 */
export function gpujsKernel(
  backend: GpujsBackend,
  { source, inputs, output, numbers = [], functions = [], loopMaxIterations }: GpujsKernelOptions,
): (inputs: readonly DeviceBuffer[]) => DeviceBuffer {
  try {
    return backend.compileKernel({
      source,
      functions,
      arrays: inputs.map((spec) => ({ size: sizeOfArray(spec), dtype: spec.dtype })),
      numbers,
      output: sizeOfArray(output),
      dtype: output.dtype,
      ...(loopMaxIterations === undefined ? {} : { loopMaxIterations }),
    });
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DeviceError("gpujsKernel", `gpu.js does not take this kernel: ${reason}`);
  }
}

/** Extents as gpu.js has them: the innermost first, and at least one. */
function sizeOfArray(spec: TensorSpec): readonly number[] {
  const { shape } = spec;
  if (shape.length > 3 || sizeOf(shape) === 0) {
    throw new DeviceError(
      "gpujsKernel",
      `gpu.js has arrays of one to three axes with elements, got ${formatSpec(spec)}`,
    );
  }
  return shape.length === 0 ? [1] : shape.toReversed();
}
