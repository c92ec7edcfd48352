import assert from "node:assert/strict";
import { type Tensor, tensor } from "../../mod.ts";
import type { DType } from "../../src/core/dtype.ts";
import { formatSpec, type Shape, sizeOf } from "../../src/core/shape.ts";

/** The elements as numbers (bfloat16: its bits). */
export function elementsOf(x: Tensor): number[] {
  return Array.from(x.dataSync());
}

/** Fails unless both have the same spec and the same elements, the sign of zero included. */
export function assertSameBits(actual: Tensor, expected: Tensor, message = ""): void {
  assert.equal(formatSpec(actual), formatSpec(expected), message);
  const [a, b] = [elementsOf(actual), elementsOf(expected)];
  a.forEach((value, i) => {
    if (!Object.is(value, b[i])) {
      assert.fail(`${message} element ${i} is ${value}; expected ${b[i]}\n${actual}\n${expected}`);
    }
  });
}

/** Fails unless `|actual - expected| <= tolerance * max(1, |expected|)` everywhere. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  message = "",
): void {
  assert.equal(actual.length, expected.length, `${message}: number of elements`);
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    const close = Object.is(a, b) || a === b ||
      (Number.isFinite(b) && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)));
    assert.ok(close, `${message}: element ${i} is ${a}; expected ${b}`);
  }
}

/** Numbers in [0, 1) that depend on the seed only (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A tensor of numbers that `next` gives. */
export function generated(shape: Shape, dtype: DType, next: () => number): Tensor {
  const data = Array.from({ length: sizeOf(shape) }, next);
  return tensor(data, { shape, dtype });
}

/** Uniform numbers. */
export function uniformTensor(
  shape: Shape,
  seed: number,
  low = -1,
  high = 1,
  dtype: DType = "float64",
): Tensor {
  const next = generator(seed);
  return generated(shape, dtype, () => low + (high - low) * next());
}

/** JSON's words for what JSON lacks. */
export function reviveNumbers(_key: string, value: unknown): unknown {
  if (value === "NaN") return NaN;
  if (value === "Infinity") return Infinity;
  return value === "-Infinity" ? -Infinity : value;
}
