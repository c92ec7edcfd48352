import type { DType } from "../../src/core/dtype.ts";
import type { Emitter, Vector } from "./emitter.ts";
import type { Effect, Value } from "./module.ts";
import { i16x8, i32, i32x4, i8x16, v128 } from "./opcodes.ts";

type Address = Value<"i32">;

const zero = (e: Emitter): Vector => e.constant(i32x4.const(0));
const one = (e: Emitter): Vector => e.constant(i32x4.const(1));
/** Bytes (0 or 1) in lanes of 32 bits as masks. */
const toMask = (e: Emitter, x: Vector): Vector => i32x4.gt_s(x, zero(e));
const widen8 = (x: Vector): Vector => i16x8ToI32x4(i16x8.extend_low_i8x16_u(x));
const i16x8ToI32x4 = (x: Vector): Vector => i32x4.extend_low_i16x8_u(x);

/** As many neighbours as there are lanes. */
export function loadVector(e: Emitter, dtype: DType, address: Address, offset: number): Vector {
  const four = e.lanes === 4;
  switch (dtype) {
    case "float64":
      return v128.load(address, offset);
    case "bool": {
      const load = four ? v128.load32_zero : v128.load16_splat;
      return toMask(e, widen8(load(address, offset)));
    }
    case "bfloat16":
      return four
        ? v128.load16x4_u(address, offset)
        : i16x8ToI32x4(v128.load32_zero(address, offset));
    default:
      return four ? v128.load(address, offset) : v128.load64_zero(address, offset);
  }
}

/** One element in all lanes. */
export function loadSplat(e: Emitter, dtype: DType, address: Address, offset: number): Vector {
  switch (dtype) {
    case "float64":
      return v128.load64_splat(address, offset);
    case "bool":
      return toMask(e, i32x4.splat(i32.load8_u(address, offset)));
    case "bfloat16":
      return i32x4.splat(i32.load16_u(address, offset));
    default:
      return v128.load32_splat(address, offset);
  }
}

/** As many elements as there are lanes, `step` bytes apart. */
export function loadStrided(
  e: Emitter,
  dtype: DType,
  address: Address,
  offset: number,
  step: number,
): Vector {
  const at = (lane: number): [Address, number] => reach(address, offset + lane * step);
  const lanes = Array.from({ length: e.lanes - 1 }, (_, i) => i + 1);
  switch (dtype) {
    case "float64":
      return v128.load64_lane(at(1)[0], v128.load64_zero(...at(0)), 1, at(1)[1]);
    case "bool":
    case "bfloat16": {
      const load = dtype === "bool" ? i32.load8_u : i32.load16_u;
      const all = lanes.reduce(
        (x, lane) => i32x4.replace_lane(x, lane, load(...at(lane))),
        i32x4.splat(load(...at(0))),
      );
      return dtype === "bool" ? toMask(e, all) : all;
    }
    default:
      return lanes.reduce(
        (x, lane) => v128.load32_lane(at(lane)[0], x, lane, at(lane)[1]),
        v128.load32_zero(...at(0)),
      );
  }
}

/** Address and constant offset for a distance that may be negative. */
function reach(address: Address, distance: number): [Address, number] {
  return distance >= 0 ? [address, distance] : [i32.add(address, i32.const(distance)), 0];
}

/** Stores as many neighbours as there are lanes. */
export function storeVector(
  e: Emitter,
  dtype: DType,
  address: Address,
  x: Vector,
  offset: number,
): Effect {
  const four = e.lanes === 4;
  switch (dtype) {
    case "float64":
      return v128.store(address, x, offset);
    case "bool": {
      const halves = narrow(e, v128.and(x, one(e)));
      const bytes = i8x16.narrow_i16x8_u(halves, halves);
      const store = four ? v128.store32_lane : v128.store16_lane;
      return store(address, bytes, 0, offset);
    }
    case "bfloat16": {
      const store = four ? v128.store64_lane : v128.store32_lane;
      return store(address, narrow(e, x), 0, offset);
    }
    default:
      return four ? v128.store(address, x, offset) : v128.store64_lane(address, x, 0, offset);
  }
}

function narrow(e: Emitter, x: Vector): Vector {
  const words = e.keep(x);
  return e.keep(i16x8.narrow_i32x4_u(words, words));
}

/** Stores one lane. */
export function storeLane(
  e: Emitter,
  dtype: DType,
  address: Address,
  x: Vector,
  lane: number,
  distance: number,
): Effect {
  const [at, offset] = reach(address, distance);
  switch (dtype) {
    case "float64":
      return v128.store64_lane(at, x, lane, offset);
    case "bool":
      return v128.store8_lane(at, v128.and(x, one(e)), 4 * lane, offset);
    case "bfloat16":
      return v128.store16_lane(at, x, 2 * lane, offset);
    default:
      return v128.store32_lane(at, x, lane, offset);
  }
}
