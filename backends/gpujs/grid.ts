/** How the points of a result become threads. */

/** Limits of a device. */
export interface GridLimits {
  /** Threads along x, y and z of a kernel of two or three dimensions; along x of one with one dimension. */
  readonly threads: readonly [number, number, number];
  readonly threadsInARow: number;
}

/** Threads, and the coordinates of their points. */
export interface Grid {
  /** One to three extents, the innermost first. */
  readonly output: readonly number[];
  /** One expression an axis. gpu.js takes all of them for integers, so that indices made of them are exact. */
  readonly coordinates: readonly string[];
}

/** Up to here a division in float32 can be rounded down to a whole number safely. */
const divisible = 2 ** 20;

/**
 * Spreads the points of a row-major nest over threads. gpu.js has no division of integers, and floats are too coarse
 * beyond 2^24, so large nests become kernels of two or three dimensions, whose coordinates gpu.js gives as integers;
 * only groups of axes that are small together are taken apart by division. `call` writes a call of a helper.
 */
export function gridOf(
  extents: readonly number[],
  limits: GridLimits,
  call: (name: string, ...args: readonly string[]) => string,
): Grid | undefined {
  const cut = cutsOf(extents, limits);
  if (cut === undefined) return undefined;
  const threads = ["x", "y", "z"] as const;
  const output: number[] = [];
  const coordinates: string[] = [];
  // From the innermost group outwards.
  cut.forEach(({ from, to }, dimension) => {
    const group = extents.slice(from, to);
    output.push(product(group));
    const thread = `this.thread.${threads[dimension]}`;
    let inner = product(group);
    group.forEach((extent, i) => {
      inner /= extent;
      coordinates[from + i] = extent === 1
        ? "0"
        : group.length === 1 || product(group) === extent
        ? thread
        : call("wholeOf", call("partOf", thread, String(inner), String(extent)));
    });
  });
  return { output, coordinates };
}

interface Group {
  readonly from: number;
  readonly to: number;
}

/** Groups of adjacent axes, the innermost first. */
function cutsOf(extents: readonly number[], limits: GridLimits): Group[] | undefined {
  const n = extents.length;
  const size = (from: number, to: number): number => product(extents.slice(from, to));
  const isDivisible = (from: number, to: number): boolean => {
    const group = extents.slice(from, to);
    return group.filter((extent) => extent > 1).length <= 1 || product(group) <= divisible;
  };
  if (size(0, n) <= limits.threadsInARow && isDivisible(0, n)) return [{ from: 0, to: n }];
  const [most, mostY, mostZ] = limits.threads;
  // The more axes get coordinates of their own, the fewer divisions.
  for (let y = n - 1; y > 0; y--) {
    if (size(y, n) > most || !isDivisible(y, n)) continue;
    if (size(0, y) <= mostY && isDivisible(0, y)) {
      return [{ from: y, to: n }, { from: 0, to: y }];
    }
    for (let z = y - 1; z > 0; z--) {
      if (size(z, y) > mostY || !isDivisible(z, y)) continue;
      if (size(0, z) <= mostZ && isDivisible(0, z)) {
        return [{ from: y, to: n }, { from: z, to: y }, { from: 0, to: z }];
      }
    }
  }
  return undefined;
}

function product(extents: readonly number[]): number {
  return extents.reduce((all, each) => all * each, 1);
}

/** offset + sum of coordinate times stride, in gpu.js's integers. */
export function indexText(
  offset: number,
  strides: readonly number[],
  coordinates: readonly string[],
): string {
  let text = "";
  strides.forEach((stride, axis) => {
    const coordinate = coordinates[axis]!;
    if (stride === 0 || coordinate === "0") return;
    const size = Math.abs(stride);
    const term = size === 1 ? coordinate : `${coordinate} * ${size}`;
    if (stride > 0) text = text === "" ? term : `${text} + ${term}`;
    // An integer that is negative on its way is one all the same.
    else text = text === "" ? `0 - ${term}` : `${text} - ${term}`;
  });
  if (text === "") return String(offset);
  if (offset === 0) return text;
  return offset > 0 ? `${text} + ${offset}` : `${text} - ${-offset}`;
}
