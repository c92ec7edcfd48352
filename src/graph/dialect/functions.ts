import type { KernelShapes } from "./ranges.ts";
import type { KernelReading } from "./read.ts";

/** What a kernel's function sees as `this`. */
export interface KernelThis<Constants = Readonly<Record<string, number>>> {
  /** The position of the element: x along the last axis of the result, y along the one before, z before that. */
  readonly thread: KernelPosition;
  /** The extents of the result: x of the last axis; 1 where it has fewer axes. */
  readonly output: KernelPosition;
  /** The constants. */
  readonly constants: Constants;
}

/** A number for each of up to three axes, the last axis first. */
export interface KernelPosition {
  /** Along the last axis. */
  readonly x: number;
  /** Along the last but one. */
  readonly y: number;
  /** Along the last but two. */
  readonly z: number;
}

/** A kernel's function, whatever its inputs are. */
export type KernelFunction = (this: KernelThis, ...inputs: never[]) => number;

/** A kernel's function, and how to read its text: who runs or compiles it needs no parser of his own. */
export interface KnownKernel {
  readonly f: KernelFunction;
  read(shapes: KernelShapes): KernelReading;
}

// A kernel sees nothing but its arguments, so equal texts are equal functions.
const kernels = new Map<string, KnownKernel>();

/** Keeps a function under its text, so that it runs as it stands where JavaScript runs it. */
export function rememberKernel(source: string, kernel: KnownKernel): void {
  kernels.set(source, kernel);
}

/** The function with this text. */
export function knownKernel(source: string): KnownKernel {
  return kernels.get(source)!;
}
