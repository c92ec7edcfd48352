/** Numbers without end, evenly in [0, 2^32). */
export function* noise(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    yield (state ^ (state >>> 15)) >>> 0;
  }
}

/** Every exponent of float32 with both signs, `each` significands apiece: zeros, subnormals, infinities and NaN too. */
export function everyExponent(each: number): Float32Array {
  const bits = new Uint32Array(512 * each);
  const random = noise(1);
  for (let i = 0; i < bits.length; i++) {
    const exponent = Math.floor(i / each);
    // The first of each is a power of two: zero and infinity are among them.
    bits[i] = ((exponent << 23) | (i % each === 0 ? 0 : random.next().value & 0x7fffff)) >>> 0;
  }
  return new Float32Array(bits.buffer);
}
