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
  /** How each kernel of the program runs, in a few words for people to read: "generated", "BLAS". */
  readonly ways?: readonly string[];
  /**
   * Runs once and measures each kernel by the device's clock: slower, since no two kernels overlap. Absent where the
   * device has no such clock, or the program too many kernels.
   */
  readonly profile?: (inputs: readonly DeviceBuffer[]) => Promise<ProfiledRun>;
}

/** What a run gave, and how long it took. */
export interface ProfiledRun {
  readonly outputs: DeviceBuffer[];
  /** For each kernel of the program. */
  readonly nanoseconds: readonly number[];
}

/** Memory that a backend manages itself, in bytes. */
export interface MemoryStatistics {
  /** What it has taken from the system. */
  readonly heap: number;
  /** Of it, in use. */
  readonly used: number;
  /** Of it, held by tensors that the garbage collector has not taken yet. */
  readonly tensors: number;
}

/** What turns programs into machine work. Everything a device must be able to do is here. */
export interface Backend {
  /** For messages: "reference", "wasm", ... */
  readonly name: string;
  /** The dtypes that it computes with. */
  readonly dtypes: readonly DType[];
  /** Whether programs for it may hold loops; without it every kernel is one primitive. */
  readonly fuses?: boolean;
  /**
   * Whether a loop may sweep over each of so many rows several times, of so many points each, instead of several loops
   * over all rows; never where absent.
   */
  readonly sweeps?: (rows: number, points: number) => boolean;
  /** The most buffers that a loop may read and write together; no limit where absent. */
  readonly buffersPerLoop?: number;
  /** Bytes of an element on the device; the host's where absent. */
  readonly bytesPerElement?: (dtype: DType) => number;
  /** A buffer with a copy of the elements. */
  upload(data: TypedArray): DeviceBuffer;
  /** A copy of the elements. */
  download(buffer: DeviceBuffer, dtype: DType): Promise<TypedArray>;
  /** A copy of the elements at once; absent where the device is asynchronous. */
  readonly downloadSync?: (buffer: DeviceBuffer, dtype: DType) => TypedArray;
  /**
   * Gives the memory of a buffer back before the garbage collector would: it is never handed in again. Absent where
   * that saves nothing.
   */
  readonly free?: (buffer: DeviceBuffer) => void;
  /** Prepares a program to be run any number of times. */
  compile(program: Program): Executable;
  /** What runs at the moment, and why, for people to read: "wasm, 4 threads"; its name where absent. */
  readonly describe?: () => string;
  /** Figures about its memory; absent where all of it is the garbage collector's. */
  readonly memory?: () => MemoryStatistics;
}
