import {
  type DType,
  fromBFloat16Bits,
  toBFloat16Bits,
  type TypedArray,
} from "../../src/core/dtype.ts";
import type { Run } from "./run.ts";

/** The number as an array of the dtype takes it: bfloat16 as its bits, bool as 0 or 1. */
export function encode(dtype: DType, value: number): number {
  if (dtype === "bfloat16") return toBFloat16Bits(value);
  if (dtype === "bool") return value !== 0 ? 1 : 0;
  return value;
}

/** Copies all elements, converting as JavaScript does (rounding for floats, wrapping for integers). */
export const copyAll: Run = (out, operands) => out.set(operands[0]!);

/** Copies the bits of all elements. */
export const bitcast: Run = (out, operands) => bytesOf(out).set(bytesOf(operands[0]!));

/** Makes a cast ready. */
export function prepareCast(from: DType, to: DType): Run {
  if (from === to) return copyAll;
  if (from === "bfloat16") {
    if (to === "float32" || to === "float64") return fromBFloat16;
    const rest = prepareCast("float32", to);
    return (out, operands) => {
      const wide = new Float32Array(out.length);
      fromBFloat16(wide, operands);
      rest(out, [wide]);
    };
  }
  if (to === "bfloat16") return toBFloat16;
  if (to === "bool") return toBool;
  const truncates = from === "float32" || from === "float64";
  if (truncates && to === "int32") return prepareSaturate(-0x80000000, 0x7fffffff);
  if (truncates && to === "uint32") return prepareSaturate(0, 0xffffffff);
  return copyAll;
}

const fromBFloat16: Run = (out, operands) => {
  const a = operands[0]!;
  for (let i = 0; i < out.length; i++) out[i] = fromBFloat16Bits(a[i]!);
};

const toBFloat16: Run = (out, operands) => {
  const a = operands[0]!;
  for (let i = 0; i < out.length; i++) out[i] = toBFloat16Bits(a[i]!);
};

const toBool: Run = (out, operands) => {
  const a = operands[0]!;
  for (let i = 0; i < out.length; i++) out[i] = a[i]! !== 0 ? 1 : 0;
};

function prepareSaturate(least: number, largest: number): Run {
  return (out, operands) => {
    const a = operands[0]!;
    // The store truncates, and turns NaN into 0.
    for (let i = 0; i < out.length; i++) out[i] = Math.min(Math.max(a[i]!, least), largest);
  };
}

function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
