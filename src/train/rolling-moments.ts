/** Count, mean and sum of squared distances from the mean of some values. */
interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly squares: number;
}

const EMPTY: Moments = { count: 0, mean: 0, squares: 0 };

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
    const { count, mean, squares } = merge(this.#oldest.at(-1) ?? EMPTY, this.#newestMoments);
    return { mean, deviation: count === 0 ? 0 : Math.sqrt(squares / count) };
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
  return { count: 1, mean: value, squares: 0 };
}

/** Chan's pairwise update. */
function merge(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const distance = b.mean - a.mean;
  return {
    count,
    mean: a.mean + distance * (b.count / count),
    squares: a.squares + b.squares + distance * distance * (a.count * b.count / count),
  };
}
