import type { DType } from "../../src/core/dtype.ts";
import { f32x4, f64x2, i32x4, v128 } from "./opcodes.ts";
import { wasmSupport } from "./support.ts";
import type { Effect, Value } from "./value.ts";

type V128 = Value<"v128">;
type I32 = Value<"i32">;

/** What the generators of the matrix product must know of a dtype. */
export interface Arithmetic {
  /** Bytes of an element. */
  readonly bytes: 4 | 8;
  /** Elements of a vector. */
  readonly lanes: 4 | 2;
  /** sum + a b. */
  readonly addProduct: (sum: V128, a: V128, b: V128) => V128;
  /** One element in all lanes. */
  readonly loadSplat: (address: I32, offset?: number) => V128;
  /** One element in the first lane. */
  readonly loadOne: (address: I32, offset?: number) => V128;
  /** Replaces one lane. */
  readonly loadLane: (address: I32, x: V128, lane: number, offset?: number) => V128;
  /** Writes one lane. */
  readonly storeLane: (address: I32, x: V128, lane: number, offset?: number) => Effect;
}

const words = {
  bytes: 4,
  lanes: 4,
  loadSplat: v128.load32_splat,
  loadOne: v128.load32_zero,
  loadLane: v128.load32_lane,
  storeLane: v128.store32_lane,
} as const;

const doubles = {
  bytes: 8,
  lanes: 2,
  loadSplat: v128.load64_splat,
  loadOne: v128.load64_zero,
  loadLane: v128.load64_lane,
  storeLane: v128.store64_lane,
} as const;

/** The arithmetic of a dtype; whole numbers wrap, so that both kinds are the same. */
export function arithmeticOf(dtype: DType): Arithmetic {
  const F = dtype === "float32" ? f32x4 : dtype === "float64" ? f64x2 : undefined;
  const kind = dtype === "float64" ? doubles : words;
  if (F !== undefined && wasmSupport().fma === "on") {
    return { ...kind, addProduct: (sum, a, b) => F.relaxed_madd(a, b, sum) };
  }
  const { add, mul } = F ?? i32x4;
  return { ...kind, addProduct: (sum, a, b) => add(sum, mul(a, b)) };
}
