import type { DeviceBuffer } from "../core/device-buffer.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import type { Program } from "./program.ts";

/** A compiled program. */
export interface Executable {
  /**
   * Runs with one buffer an input and gives one buffer an output. An output that the plan writes over a
   * donated input is that input's buffer itself; all other inputs are left as they are.
   */
  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[];
}

/** What turns programs into machine work. Everything a device must be able to do is here. */
export interface Backend {
  /** For messages: "reference", "wasm", ... */
  readonly name: string;
  /** The dtypes that it computes with. */
  readonly dtypes: readonly DType[];
  /** A buffer with a copy of the elements. */
  upload(data: TypedArray): DeviceBuffer;
  /** A copy of the elements. */
  download(buffer: DeviceBuffer, dtype: DType): Promise<TypedArray>;
  /** A copy of the elements at once; absent where the device is asynchronous. */
  readonly downloadSync?: (buffer: DeviceBuffer, dtype: DType) => TypedArray;
  /** Prepares a program to be run any number of times. */
  compile(program: Program): Executable;
}
