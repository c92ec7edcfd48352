/** Count and mean of some values, and the Euclidean norm of their distances from the mean. */
interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly norm: number;
}

const EMPTY: Moments = { count: 0, mean: 0, norm: 0 };

/**
 * Mean and standard deviation of the last `window` values in amortised constant time.
 *
 * A queue of two stacks, each holding running moments. Values leave by popping, never by
 * subtraction: after a huge spike has left the window nothing of its rounding error stays behind.
 */
export class RollingMoments {
  readonly #window: number;
  #newest: number[] = [];
  #newestMoments: Moments = EMPTY;
  /** Moments of the older values; the last entry covers all of them, the first only the youngest. */
  #oldest: Moments[] = [];

  constructor(window: number) {
    this.#window = window;
  }

  push(value: number): void {
    if (this.#newest.length + this.#oldest.length === this.#window) this.#dropOldest();
    this.#newest.push(value);
    this.#newestMoments = merge(this.#newestMoments, single(value));
  }

  /** The standard deviation is that of a population: divided by n. */
  read(): { mean: number; deviation: number } {
    const { count, mean, norm } = merge(this.#oldest.at(-1) ?? EMPTY, this.#newestMoments);
    return { mean, deviation: count === 0 ? 0 : norm / Math.sqrt(count) };
  }

  #dropOldest(): void {
    if (this.#oldest.length === 0) {
      let moments = EMPTY;
      for (let index = this.#newest.length - 1; index >= 0; index--) {
        moments = merge(single(this.#newest[index]!), moments);
        this.#oldest.push(moments);
      }
      this.#newest = [];
      this.#newestMoments = EMPTY;
    }
    this.#oldest.pop();
  }
}

function single(value: number): Moments {
  return { count: 1, mean: value, norm: 0 };
}

/** Chan's pairwise update, with norms instead of sums of squares: those would overflow. */
function merge(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const distance = b.mean - a.mean;
  return {
    count,
    mean: a.mean + distance * (b.count / count),
    norm: Math.hypot(a.norm, b.norm, distance * Math.sqrt((a.count * b.count) / count)),
  };
}
