import { customKernel, type KernelThis, matmul, type Tensor, transpose } from "../../mod.ts";

type Row = { readonly [index: number]: number; readonly length: number };
type OfRow = (this: KernelThis<{ readonly half: number; readonly big: number }>, x: Row) => number;

/** Functions of a row that use everything there is in the dialect. */
export const rowKernels: Readonly<Record<string, OfRow>> = {
  arithmetic: function (x) {
    return -x[this.thread.x]! - -1 + +x[0]! * 0x10 / 3;
  },
  remainders: function (x) {
    return x[this.thread.x]! % 2 + this.thread.x % 3;
  },
  bits: function (x) {
    const v = x[this.thread.x]!;
    return (v | 0) + (v & 3) + (v ^ 5) + (v << 2) + (v >> 1) + (this.thread.x >>> 1) + ~v;
  },
  constants: function (x) {
    return x[this.thread.x]! * this.constants.half + this.constants.big + this.output.x +
      this.output.y + this.thread.y;
  },
  largest: function (x) {
    let best = 0;
    for (let k = 0; k < x.length; k++) {
      if (x[k]! > x[best]!) best = k;
    }
    return best;
  },
  running: function (x) {
    let total = 0;
    for (let j = 0; j <= this.thread.x; j++) total += x[j]!;
    for (let j = this.thread.x; j < x.length; j++) {
      total -= x[j]!;
    }
    return total;
  },
  triangle: function (x) {
    let total = 0;
    for (let i = 0; i < 3; ++i) {
      for (let j = i; j < x.length; j++) {
        if (j > 4) break;
        total += x[j]!;
      }
    }
    return total;
  },
  halving: function (x) {
    let v = Math.abs(x[this.thread.x]!);
    let steps = 0;
    do {
      v = v / 2;
      steps++;
    } while (v > 0.25);
    while (true) {
      steps--;
      if (steps < -2) break;
    }
    return v + steps;
  },
  long: function (x) {
    let total = 0;
    let i = 0;
    while (i < 1500 + x[0]!) {
      total += 0.5;
      i++;
    }
    return total;
  },
  branches: function (x) {
    const v = x[this.thread.x]!;
    if (v < 0) {
      return 1;
    } else if (v < 2 && !(v === 1) || v > 5) return v > 0 ? (v > 1 ? 2 : v) : this.thread.x;
    else {
      return 3;
    }
  },
  choices: function (x) {
    const v = x[this.thread.x]!;
    // Positions and indices, which some languages do not take for numbers.
    const chosen = (v > 0 ? this.thread.x : v) + (v > 1 ? 0.5 : this.thread.x);
    return v > 0.25 ? x[v > 1 ? this.thread.x : 0]! + chosen : v < -2 ? 3 : chosen;
  },
  operators: function (x) {
    // One declaration of several, and assignments of all kinds; no semicolons
    let a = 1, b = 2;
    a *= b;
    a -= 3;
    a /= 2;
    b %= 2;
    a = a + b;
    return a + x[this.thread.x]!;
  },
  rounding: function (x) {
    const v = x[this.thread.x]!;
    return Math.trunc(v) + Math.floor(v) * 10 + Math.ceil(v) * 100 + Math.round(v) * 1000 +
      Math.sign(v);
  },
  powers: function (x) {
    const v = x[this.thread.x]!;
    return Math.pow(v, 2) + Math.pow(v, 3) + Math.sqrt(Math.abs(v)) + Math.cbrt(v);
  },
  exponentials: function (x) {
    // 1 + v / 1024 is exact in float32.
    const v = x[this.thread.x]!;
    return Math.exp(v) + Math.expm1(v * 1e-6) * 1e6 + Math.log1p(v * 1e-6) * 1e6 +
      Math.log(1 + v / 1024) * 1024 + Math.tanh(v) + Math.log2(v + 5) + Math.log10(v + 5);
  },
  angles: function (x) {
    const v = x[this.thread.x]!;
    return Math.atan(v) + Math.atan2(v, -1) + Math.atan2(0, v) + Math.asin(v / 6) +
      Math.acos(v / 6) + Math.atan2(v, v);
  },
  extrema: function (x) {
    const i = this.thread.x;
    return x[Math.max(i - 1, 0)]! + x[Math.min(i + 1, x.length - 1)]!;
  },
  gathering: function (x) {
    return x[Math.floor(Math.abs(x[this.thread.x]!))]! + Math.PI;
  },
};

/** What they are tried on, and constants for all of them. */
export const rowData: readonly number[] = [-3.5, -1, -0.5, 0, 0.5, 1, 2, 5.25];
export const rowConstants = { half: 0.5, big: 1e6 } as const;

/** A product of matrices, with its derivative. */
export const product: (a: Tensor, b: Tensor) => Tensor = customKernel(
  function product(a, b) {
    let total = 0;
    for (let k = 0; k < b.length; k++) total += a[this.thread.y]![k]! * b[k]![this.thread.x]!;
    return total;
  },
  {
    inputs: [{ rank: 2 }, { rank: 2 }],
    output: ([rows], [, columns]) => [rows, columns],
    backward: (cotangent, [a, b]) => [
      matmul(cotangent, transpose(b)),
      matmul(transpose(a), cotangent),
    ],
  },
);
