/**
 * The instructions that we use, named as in the WebAssembly text format: `f32x4.add(a, b)` is an expression,
 * `v128.store(address, x, offset)` an effect. Loads and stores take a constant byte offset last (a lane, where
 * there is one, stands before it); alignment is never promised.
 */
import {
  type Code,
  type Effect,
  float32Bytes,
  float64Bytes,
  int32Bytes,
  signed,
  unsigned,
  type Value,
  value,
  type ValueType,
} from "./value.ts";

type I32 = Value<"i32">;
type V128 = Value<"v128">;
type Unary<A extends ValueType, R extends ValueType> = (a: Value<A>) => Value<R>;
type Binary<A extends ValueType, R extends ValueType> = (a: Value<A>, b: Value<A>) => Value<R>;
type Load<R extends ValueType> = (address: I32, offset?: number) => Value<R>;
type Store<A extends ValueType> = (address: I32, x: Value<A>, offset?: number) => Effect;
type Constant<R extends ValueType> = (n: number) => Value<R>;
type Extract<R extends ValueType> = (a: V128, lane: number) => Value<R>;
type Replace<A extends ValueType> = (a: V128, lane: number, x: Value<A>) => V128;

const un = <R extends ValueType>(type: R) => (op: Code) => (a: Value): Value<R> =>
  value(type, [a.code, op]);
const bin =
  <A extends ValueType, R extends ValueType>(type: R) => (op: Code): Binary<A, R> => (a, b) =>
    value(type, [a.code, b.code, op]);
const memarg = (offset: number): Code => [0, unsigned(offset)];
const load = <R extends ValueType>(type: R) => (op: Code): Load<R> => (address, offset = 0) =>
  value(type, [address.code, op, memarg(offset)]);
const store = (op: Code) => (address: I32, x: Value, offset = 0): Effect => ({
  effect: [address.code, x.code, op, memarg(offset)],
});
const extract = <R extends ValueType>(type: R) => (op: Code): Extract<R> => (a, lane) =>
  value(type, [a.code, op, lane]);
const replace = (op: Code) => (a: V128, lane: number, x: Value): V128 =>
  value("v128", [a.code, x.code, op, lane]);

/** The signatures of instructions: i, l, f, d stand for scalars, v for v128. */
interface Signatures {
  "i>i": Unary<"i32", "i32">;
  "ii>i": Binary<"i32", "i32">;
  "l>i": Unary<"i64", "i32">;
  "i>l": Unary<"i32", "i64">;
  "ll>l": Binary<"i64", "i64">;
  "ll>i": Binary<"i64", "i32">;
  "f>i": Unary<"f32", "i32">;
  "i>f": Unary<"i32", "f32">;
  "f>f": Unary<"f32", "f32">;
  "ff>f": Binary<"f32", "f32">;
  "ff>i": Binary<"f32", "i32">;
  "d>f": Unary<"f64", "f32">;
  "f>d": Unary<"f32", "f64">;
  "i>d": Unary<"i32", "f64">;
  "d>i": Unary<"f64", "i32">;
  "l>d": Unary<"i64", "f64">;
  "d>l": Unary<"f64", "i64">;
  "d>d": Unary<"f64", "f64">;
  "dd>d": Binary<"f64", "f64">;
  "dd>i": Binary<"f64", "i32">;
  "v>v": Unary<"v128", "v128">;
  "vv>v": Binary<"v128", "v128">;
  /** (a, b, mask): bits of `a` where the mask has ones, of `b` elsewhere. */
  "vvv>v": (a: V128, b: V128, mask: V128) => V128;
  "v>i": Unary<"v128", "i32">;
  "i>v": Unary<"i32", "v128">;
  "l>v": Unary<"i64", "v128">;
  "f>v": Unary<"f32", "v128">;
  "d>v": Unary<"f64", "v128">;
  loadI: Load<"i32">;
  loadF: Load<"f32">;
  loadD: Load<"f64">;
  loadV: Load<"v128">;
  storeI: Store<"i32">;
  storeF: Store<"f32">;
  storeD: Store<"f64">;
  storeV: Store<"v128">;
  extractI: Extract<"i32">;
  extractL: Extract<"i64">;
  extractF: Extract<"f32">;
  extractD: Extract<"f64">;
  replaceI: Replace<"i32">;
  replaceF: Replace<"f32">;
  replaceD: Replace<"f64">;
  replaceL: Replace<"i64">;
  shift: (a: V128, by: I32) => V128;
  loadLane: (address: I32, x: V128, lane: number, offset?: number) => V128;
  storeLane: (address: I32, x: V128, lane: number, offset?: number) => Effect;
}

// deno-fmt-ignore -- a table
const makers: { readonly [S in keyof Signatures]: (op: Code) => Signatures[S] } = {
  "i>i": un("i32"), "ii>i": bin("i32"), "l>i": un("i32"), "i>l": un("i64"), "ll>l": bin("i64"), "ll>i": bin("i32"),
  "f>i": un("i32"), "i>f": un("f32"), "f>f": un("f32"), "ff>f": bin("f32"), "ff>i": bin("i32"),
  "d>f": un("f32"), "f>d": un("f64"), "i>d": un("f64"), "d>i": un("i32"), "l>d": un("f64"), "d>l": un("i64"),
  "d>d": un("f64"), "dd>d": bin("f64"), "dd>i": bin("i32"),
  "v>v": un("v128"), "vv>v": bin("v128"), "v>i": un("i32"),
  "i>v": un("v128"), "l>v": un("v128"), "f>v": un("v128"), "d>v": un("v128"),
  loadI: load("i32"), loadF: load("f32"), loadD: load("f64"), loadV: load("v128"),
  storeI: store, storeF: store, storeD: store, storeV: store,
  extractI: extract("i32"), extractL: extract("i64"), extractF: extract("f32"), extractD: extract("f64"),
  replaceI: replace, replaceF: replace, replaceD: replace, replaceL: replace,
  shift: (op) => (a, by) => value("v128", [a.code, by.code, op]),
  "vvv>v": (op) => (a, b, mask) => value("v128", [a.code, b.code, mask.code, op]),
  loadLane: (op) => (address, x, lane, offset = 0) => value("v128", [address.code, x.code, op, memarg(offset), lane]),
  storeLane: (op) => (address, x, lane, offset = 0) => ({ effect: [address.code, x.code, op, memarg(offset), lane] }),
};

type Codes = { readonly [name: string]: readonly [keyof Signatures, number | readonly number[]] };
type Instructions<C extends Codes> = { readonly [Name in keyof C]: Signatures[C[Name][0]] };

const instructions = <C extends Codes>(codes: C): Instructions<C> =>
  Object.fromEntries(
    Object.entries(codes).map(([name, [signature, opcode]]) => [name, makers[signature](opcode)]),
  ) as unknown as Instructions<C>;

/** With the prefix and the encoding of vector instructions. */
const vectors = <C extends Codes, Extra extends object>(
  codes: C,
  extra: Extra,
): Instructions<C> & Extra => ({
  ...instructions(
    Object.fromEntries(
      Object.entries(codes).map(([name, [signature, opcode]]) => [
        name,
        [signature, [0xfd, ...unsigned(opcode as number)]],
      ]),
    ) as unknown as C,
  ),
  ...extra,
});

/** `condition ? a : b` of scalars. Both are evaluated. */
export function select<T extends Exclude<ValueType, "v128">>(
  condition: I32,
  a: Value<T>,
  b: Value<T>,
): Value<T> {
  return value(a.type, [a.code, b.code, condition.code, 0x1b]);
}

// deno-fmt-ignore -- a table
const i32Codes = {
  load: ["loadI", 0x28], load8_u: ["loadI", 0x2d], load16_u: ["loadI", 0x2f],
  store: ["storeI", 0x36], store8: ["storeI", 0x3a], store16: ["storeI", 0x3b],
  eqz: ["i>i", 0x45], eq: ["ii>i", 0x46], ne: ["ii>i", 0x47],
  lt_s: ["ii>i", 0x48], lt_u: ["ii>i", 0x49], gt_s: ["ii>i", 0x4a], gt_u: ["ii>i", 0x4b],
  le_s: ["ii>i", 0x4c], le_u: ["ii>i", 0x4d], ge_s: ["ii>i", 0x4e], ge_u: ["ii>i", 0x4f],
  add: ["ii>i", 0x6a], sub: ["ii>i", 0x6b], mul: ["ii>i", 0x6c],
  div_s: ["ii>i", 0x6d], div_u: ["ii>i", 0x6e], rem_s: ["ii>i", 0x6f], rem_u: ["ii>i", 0x70],
  and: ["ii>i", 0x71], or: ["ii>i", 0x72], xor: ["ii>i", 0x73],
  shl: ["ii>i", 0x74], shr_s: ["ii>i", 0x75], shr_u: ["ii>i", 0x76], rotl: ["ii>i", 0x77],
  wrap_i64: ["l>i", 0xa7], reinterpret_f32: ["f>i", 0xbc],
  trunc_sat_f32_s: ["f>i", [0xfc, 0]], trunc_sat_f32_u: ["f>i", [0xfc, 1]],
  trunc_sat_f64_s: ["d>i", [0xfc, 2]], trunc_sat_f64_u: ["d>i", [0xfc, 3]],
} as const;

// deno-fmt-ignore -- a table
const i64Codes = {
  extend_i32_s: ["i>l", 0xac], extend_i32_u: ["i>l", 0xad], reinterpret_f64: ["d>l", 0xbd],
  eq: ["ll>i", 0x51], lt_s: ["ll>i", 0x53], lt_u: ["ll>i", 0x54],
  add: ["ll>l", 0x7c], sub: ["ll>l", 0x7d], mul: ["ll>l", 0x7e], and: ["ll>l", 0x83], or: ["ll>l", 0x84],
  xor: ["ll>l", 0x85], shl: ["ll>l", 0x86], shr_s: ["ll>l", 0x87], shr_u: ["ll>l", 0x88],
} as const;

// deno-fmt-ignore -- a table
const f32Codes = {
  load: ["loadF", 0x2a], store: ["storeF", 0x38],
  eq: ["ff>i", 0x5b], ne: ["ff>i", 0x5c], lt: ["ff>i", 0x5d], gt: ["ff>i", 0x5e], le: ["ff>i", 0x5f], ge: ["ff>i", 0x60],
  abs: ["f>f", 0x8b], neg: ["f>f", 0x8c], ceil: ["f>f", 0x8d], floor: ["f>f", 0x8e], trunc: ["f>f", 0x8f],
  nearest: ["f>f", 0x90], sqrt: ["f>f", 0x91],
  add: ["ff>f", 0x92], sub: ["ff>f", 0x93], mul: ["ff>f", 0x94], div: ["ff>f", 0x95], min: ["ff>f", 0x96],
  max: ["ff>f", 0x97], copysign: ["ff>f", 0x98],
  convert_i32_s: ["i>f", 0xb2], convert_i32_u: ["i>f", 0xb3], demote_f64: ["d>f", 0xb6], reinterpret_i32: ["i>f", 0xbe],
} as const;

// deno-fmt-ignore -- a table
const f64Codes = {
  load: ["loadD", 0x2b], store: ["storeD", 0x39],
  eq: ["dd>i", 0x61], ne: ["dd>i", 0x62], lt: ["dd>i", 0x63], gt: ["dd>i", 0x64], le: ["dd>i", 0x65], ge: ["dd>i", 0x66],
  abs: ["d>d", 0x99], neg: ["d>d", 0x9a], ceil: ["d>d", 0x9b], floor: ["d>d", 0x9c], trunc: ["d>d", 0x9d],
  nearest: ["d>d", 0x9e], sqrt: ["d>d", 0x9f],
  add: ["dd>d", 0xa0], sub: ["dd>d", 0xa1], mul: ["dd>d", 0xa2], div: ["dd>d", 0xa3], min: ["dd>d", 0xa4],
  max: ["dd>d", 0xa5], copysign: ["dd>d", 0xa6],
  convert_i32_s: ["i>d", 0xb7], convert_i32_u: ["i>d", 0xb8], promote_f32: ["f>d", 0xbb], reinterpret_i64: ["l>d", 0xbf],
} as const;

// deno-fmt-ignore -- a table
const v128Codes = {
  load: ["loadV", 0], load8x8_u: ["loadV", 2], load16x4_u: ["loadV", 4],
  load8_splat: ["loadV", 7], load16_splat: ["loadV", 8], load32_splat: ["loadV", 9], load64_splat: ["loadV", 10],
  store: ["storeV", 11], load32_zero: ["loadV", 92], load64_zero: ["loadV", 93],
  not: ["v>v", 77], and: ["vv>v", 78], andnot: ["vv>v", 79], or: ["vv>v", 80], xor: ["vv>v", 81],
  bitselect: ["vvv>v", 82], any_true: ["v>i", 83],
  load8_lane: ["loadLane", 84], load16_lane: ["loadLane", 85], load32_lane: ["loadLane", 86], load64_lane: ["loadLane", 87],
  store8_lane: ["storeLane", 88], store16_lane: ["storeLane", 89], store32_lane: ["storeLane", 90],
  store64_lane: ["storeLane", 91],
} as const;

// deno-fmt-ignore -- a table
const i8x16Codes = { splat: ["i>v", 15], narrow_i16x8_u: ["vv>v", 102] } as const;

// deno-fmt-ignore -- a table
const i16x8Codes = { splat: ["i>v", 16], narrow_i32x4_u: ["vv>v", 134], extend_low_i8x16_u: ["v>v", 137] } as const;

// deno-fmt-ignore -- a table
const i32x4Codes = {
  splat: ["i>v", 17], extract_lane: ["extractI", 27], replace_lane: ["replaceI", 28],
  eq: ["vv>v", 55], ne: ["vv>v", 56], lt_s: ["vv>v", 57], lt_u: ["vv>v", 58], gt_s: ["vv>v", 59], gt_u: ["vv>v", 60],
  le_s: ["vv>v", 61], le_u: ["vv>v", 62], ge_s: ["vv>v", 63], ge_u: ["vv>v", 64],
  abs: ["v>v", 160], neg: ["v>v", 161], all_true: ["v>i", 163], bitmask: ["v>i", 164],
  extend_low_i16x8_s: ["v>v", 167], extend_low_i16x8_u: ["v>v", 169],
  shl: ["shift", 171], shr_s: ["shift", 172], shr_u: ["shift", 173],
  add: ["vv>v", 174], sub: ["vv>v", 177], mul: ["vv>v", 181],
  min_s: ["vv>v", 182], min_u: ["vv>v", 183], max_s: ["vv>v", 184], max_u: ["vv>v", 185],
  trunc_sat_f32x4_s: ["v>v", 248], trunc_sat_f32x4_u: ["v>v", 249],
  trunc_sat_f64x2_s_zero: ["v>v", 252], trunc_sat_f64x2_u_zero: ["v>v", 253],
} as const;

// deno-fmt-ignore -- a table
const i64x2Codes = {
  splat: ["l>v", 18], extract_lane: ["extractL", 29], extend_low_i32x4_s: ["v>v", 199], extend_low_i32x4_u: ["v>v", 201],
  shl: ["shift", 203], shr_s: ["shift", 204], shr_u: ["shift", 205], add: ["vv>v", 206], sub: ["vv>v", 209],
  replace_lane: ["replaceL", 30],
  eq: ["vv>v", 214], lt_s: ["vv>v", 216], gt_s: ["vv>v", 217],
} as const;

// deno-fmt-ignore -- a table
const f32x4Codes = {
  splat: ["f>v", 19], extract_lane: ["extractF", 31], replace_lane: ["replaceF", 32],
  eq: ["vv>v", 65], ne: ["vv>v", 66], lt: ["vv>v", 67], gt: ["vv>v", 68], le: ["vv>v", 69], ge: ["vv>v", 70],
  ceil: ["v>v", 103], floor: ["v>v", 104], trunc: ["v>v", 105], nearest: ["v>v", 106],
  abs: ["v>v", 224], neg: ["v>v", 225], sqrt: ["v>v", 227],
  add: ["vv>v", 228], sub: ["vv>v", 229], mul: ["vv>v", 230], div: ["vv>v", 231], min: ["vv>v", 232], max: ["vv>v", 233],
  pmin: ["vv>v", 234], pmax: ["vv>v", 235],
  relaxed_madd: ["vvv>v", 261], relaxed_nmadd: ["vvv>v", 262],
  convert_i32x4_s: ["v>v", 250], convert_i32x4_u: ["v>v", 251], demote_f64x2_zero: ["v>v", 94],
} as const;

// deno-fmt-ignore -- a table
const f64x2Codes = {
  splat: ["d>v", 20], extract_lane: ["extractD", 33], replace_lane: ["replaceD", 34],
  eq: ["vv>v", 71], ne: ["vv>v", 72], lt: ["vv>v", 73], gt: ["vv>v", 74], le: ["vv>v", 75], ge: ["vv>v", 76],
  ceil: ["v>v", 116], floor: ["v>v", 117], trunc: ["v>v", 122], nearest: ["v>v", 148],
  abs: ["v>v", 236], neg: ["v>v", 237], sqrt: ["v>v", 239],
  add: ["vv>v", 240], sub: ["vv>v", 241], mul: ["vv>v", 242], div: ["vv>v", 243], min: ["vv>v", 244], max: ["vv>v", 245],
  pmin: ["vv>v", 246], pmax: ["vv>v", 247],
  relaxed_madd: ["vvv>v", 263], relaxed_nmadd: ["vvv>v", 264],
  promote_low_f32x4: ["v>v", 95], convert_low_i32x4_s: ["v>v", 254], convert_low_i32x4_u: ["v>v", 255],
} as const;

const v128Const = (bytes: Code): V128 => value("v128", [0xfd, 12, bytes]);
const v128Constant = (encode: (n: number) => number[], lanes: number): Constant<"v128"> => (n) =>
  v128Const(new Array<number[]>(lanes).fill(encode(n)));

interface Const<R extends ValueType> {
  /** A constant; of a vector, the same in all lanes. */
  readonly const: Constant<R>;
}

/** Of 32-bit whole numbers. */
export const i32: Instructions<typeof i32Codes> & Const<"i32"> = /* @__PURE__ */ Object.assign(
  /* @__PURE__ */ instructions(i32Codes),
  { const: (n: number) => value("i32", [0x41, signed(n)]) },
);
/** Of 64-bit whole numbers; constants of 32 bits only. */
export const i64: Instructions<typeof i64Codes> & Const<"i64"> = /* @__PURE__ */ Object.assign(
  /* @__PURE__ */ instructions(i64Codes),
  { const: (n: number) => value("i64", [0x42, signed(n)]) },
);
/** Of 32-bit floats. */
export const f32: Instructions<typeof f32Codes> & Const<"f32"> = /* @__PURE__ */ Object.assign(
  /* @__PURE__ */ instructions(f32Codes),
  { const: (n: number) => value("f32", [0x43, float32Bytes(n)]) },
);
/** Of 64-bit floats. */
export const f64: Instructions<typeof f64Codes> & Const<"f64"> = /* @__PURE__ */ Object.assign(
  /* @__PURE__ */ instructions(f64Codes),
  { const: (n: number) => value("f64", [0x44, float64Bytes(n)]) },
);
/** Of vectors whatever their lanes. */
export const v128: Instructions<typeof v128Codes> = /* @__PURE__ */ vectors(v128Codes, {});
/** Of 16 lanes of 8 bits. */
export const i8x16: Instructions<typeof i8x16Codes> = /* @__PURE__ */ vectors(i8x16Codes, {});
/** Of 8 lanes of 16 bits. */
export const i16x8: Instructions<typeof i16x8Codes> = /* @__PURE__ */ vectors(i16x8Codes, {});
/** Of 4 lanes of 32 bits. */
export const i32x4: Instructions<typeof i32x4Codes> & Const<"v128"> = /* @__PURE__ */ vectors(
  i32x4Codes,
  { const: v128Constant(int32Bytes, 4) },
);
/** Of 2 lanes of 64 bits. A constant is given as a BigInt of 64 bits. */
export const i64x2: Instructions<typeof i64x2Codes> & { readonly const: (n: bigint) => V128 } =
  /* @__PURE__ */ vectors(i64x2Codes, {
    const: (n: bigint) => {
      const [low, high] = [n, n >> 32n].map((word) => int32Bytes(Number(BigInt.asIntN(32, word))));
      return v128Const([low!, high!, low!, high!]);
    },
  });
/** Of 4 lanes of float32. */
export const f32x4: Instructions<typeof f32x4Codes> & Const<"v128"> = /* @__PURE__ */ vectors(
  f32x4Codes,
  { const: v128Constant(float32Bytes, 4) },
);
/** Of 2 lanes of float64. */
export const f64x2: Instructions<typeof f64x2Codes> & Const<"v128"> = /* @__PURE__ */ vectors(
  f64x2Codes,
  { const: v128Constant(float64Bytes, 2) },
);

/** Four whole numbers of 32 bits. */
export function i32x4Lanes(lanes: readonly number[]): V128 {
  return v128Const(lanes.map(int32Bytes));
}

/** Bytes of `a` (0 to 15) and `b` (16 to 31) in a new order. */
export function shuffle(a: V128, b: V128, lanes: readonly number[]): V128 {
  return value("v128", [a.code, b.code, 0xfd, 13, lanes]);
}

/** Lanes of 32 bits of `a` (0 to 3) and `b` (4 to 7) in a new order. */
export function shuffle32(a: V128, b: V128, lanes: readonly number[]): V128 {
  return shuffle(a, b, lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));
}
