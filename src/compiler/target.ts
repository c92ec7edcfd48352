import type { Backend } from "../backend/backend.ts";
import { bytesPerElement, type DType } from "../core/dtype.ts";
import { sizeOf, type TensorSpec } from "../core/shape.ts";

/** What the compiler takes into account of the backend that a program is for. */
export type Target = Pick<Backend, "fuses" | "sweeps" | "buffersPerLoop" | "bytesPerElement">;

/** Bytes that an element takes on the device. */
export type ElementBytes = (dtype: DType) => number;

/** How large elements are on a target: as on the host, unless it says otherwise. */
export function elementBytesOf(target: Target): ElementBytes {
  return (dtype) => target.bytesPerElement?.(dtype) ?? bytesPerElement(dtype);
}

/** Bytes of a value on the device. */
export function bytesOf(spec: TensorSpec, elementBytes: ElementBytes): number {
  return sizeOf(spec.shape) * elementBytes(spec.dtype);
}
