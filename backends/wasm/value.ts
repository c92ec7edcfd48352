/** The types of WebAssembly values that we use. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** Bytes of machine code, nested as they were put together. */
export type Code = number | readonly Code[];

/** An expression: code that leaves one value of a type on the stack. */
export interface Value<T extends ValueType = ValueType> {
  readonly type: T;
  readonly code: Code;
}

/** Code that leaves nothing on the stack: a store, a call without result. */
export interface Effect {
  readonly effect: Code;
}

/** Makes an expression. */
export function value<T extends ValueType>(type: T, code: Code): Value<T> {
  return { type, code };
}

/** Unsigned LEB128. */
export function unsigned(n: number): number[] {
  const bytes: number[] = [];
  let rest = n >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of 32 bits. */
export function signed(n: number): number[] {
  const bytes: number[] = [];
  let rest = n | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      bytes.push(byte);
      return bytes;
    }
    bytes.push(byte | 0x80);
  }
}

const scratch = /* @__PURE__ */ new DataView(new ArrayBuffer(8));

/** The four bytes of a float32. NaN is the one with positive sign. */
export function float32Bytes(n: number): number[] {
  scratch.setUint32(0, 0x7fc00000, true);
  if (n === n) scratch.setFloat32(0, n, true);
  return [0, 1, 2, 3].map((i) => scratch.getUint8(i));
}

/** The eight bytes of a float64. NaN is the one with positive sign. */
export function float64Bytes(n: number): number[] {
  scratch.setBigUint64(0, 0x7ff8000000000000n, true);
  if (n === n) scratch.setFloat64(0, n, true);
  return [0, 1, 2, 3, 4, 5, 6, 7].map((i) => scratch.getUint8(i));
}

/** The four bytes of a whole number of 32 bits, signed or not. */
export function int32Bytes(n: number): number[] {
  return [n & 0xff, (n >>> 8) & 0xff, (n >>> 16) & 0xff, (n >>> 24) & 0xff];
}

/** Appends nested code to a flat list. */
export function flatten(code: Code, bytes: number[]): void {
  if (typeof code === "number") bytes.push(code);
  else for (const part of code) flatten(part, bytes);
}
