/**
 * Median of the last `window` values.
 *
 * A sorted array beside a ring of the values in order of arrival. Moving a part of a typed array is
 * so cheap that for windows of some thousands this beats a pair of heaps.
 */
export class RollingMedian {
  readonly #ring: Float64Array;
  readonly #sorted: Float64Array;
  #next = 0;
  count = 0;

  constructor(window: number) {
    this.#ring = new Float64Array(window);
    this.#sorted = new Float64Array(window);
  }

  push(value: number): void {
    if (this.count === this.#ring.length) {
      const leaving = this.#position(this.#ring[this.#next]!);
      this.#sorted.copyWithin(leaving, leaving + 1, this.count);
      this.count--;
    }
    const entering = this.#position(value);
    this.#sorted.copyWithin(entering + 1, entering, this.count);
    this.#sorted[entering] = value;
    this.#ring[this.#next] = value;
    this.#next = (this.#next + 1) % this.#ring.length;
    this.count++;
  }

  /** The mean of the two middle values for an even count. */
  read(): number {
    const upper = this.#sorted[this.count >> 1]!;
    return this.count % 2 === 1 ? upper : upper / 2 + this.#sorted[(this.count >> 1) - 1]! / 2;
  }

  /** The first place whose value is not below `value`. */
  #position(value: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
