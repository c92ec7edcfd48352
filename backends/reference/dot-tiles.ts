import type { DType, TypedArray } from "../../src/core/dtype.ts";

/** Extents of a matrix product [m, k] x [k, n] and strides of both operands. */
export interface MatrixSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly am: number;
  readonly ak: number;
  readonly bk: number;
  readonly bn: number;
}

/** Writes one matrix product, row-major, from `o[oi]` on. */
// deno-fmt-ignore
type Multiply = (
  o: TypedArray, oi: number, a: TypedArray, ai: number, b: TypedArray, bi: number, sizes: MatrixSizes,
) => void;

/**
 * The matrix product for a dtype. Each result is summed in ascending k from zero, each step rounded. Two
 * rows by four columns are summed at a time, which keeps eight sums in registers and reuses what is loaded;
 * that makes the layout of the operands matter little. Beyond an edge the last row or column is computed
 * again rather than treated apart. The three are one algorithm in three arithmetics.
 */
export function tiles(dtype: DType): Multiply {
  if (dtype === "float32") return multiplyFloat32;
  if (dtype === "float64") return multiplyFloat64;
  return multiplyInteger;
}

const fround = Math.fround;

// deno-fmt-ignore
const multiplyFloat32: Multiply = (o, oi, a, ai, b, bi, { m, n, k, am, ak, bk, bn }) => {
  for (let j = 0; j < n; j += 4) {
    const j1 = Math.min(j + 1, n - 1), j2 = Math.min(j + 2, n - 1), j3 = Math.min(j + 3, n - 1);
    for (let i = 0; i < m; i += 2) {
      const i1 = Math.min(i + 1, m - 1);
      let a0 = ai + i * am, a1 = ai + i1 * am;
      let b0 = bi + j * bn, b1 = bi + j1 * bn, b2 = bi + j2 * bn, b3 = bi + j3 * bn;
      let s00 = fround(0), s01 = fround(0), s02 = fround(0), s03 = fround(0);
      let s10 = fround(0), s11 = fround(0), s12 = fround(0), s13 = fround(0);
      for (let l = 0; l < k; l++) {
        const x0 = a[a0]!, x1 = a[a1]!, y0 = b[b0]!, y1 = b[b1]!, y2 = b[b2]!, y3 = b[b3]!;
        s00 = fround(s00 + fround(x0 * y0)); s01 = fround(s01 + fround(x0 * y1));
        s02 = fround(s02 + fround(x0 * y2)); s03 = fround(s03 + fround(x0 * y3));
        s10 = fround(s10 + fround(x1 * y0)); s11 = fround(s11 + fround(x1 * y1));
        s12 = fround(s12 + fround(x1 * y2)); s13 = fround(s13 + fround(x1 * y3));
        a0 += ak; a1 += ak; b0 += bk; b1 += bk; b2 += bk; b3 += bk;
      }
      const o0 = oi + i * n, o1 = oi + i1 * n;
      o[o0 + j] = s00; o[o0 + j1] = s01; o[o0 + j2] = s02; o[o0 + j3] = s03;
      o[o1 + j] = s10; o[o1 + j1] = s11; o[o1 + j2] = s12; o[o1 + j3] = s13;
    }
  }
};

// deno-fmt-ignore
const multiplyFloat64: Multiply = (o, oi, a, ai, b, bi, { m, n, k, am, ak, bk, bn }) => {
  for (let j = 0; j < n; j += 4) {
    const j1 = Math.min(j + 1, n - 1), j2 = Math.min(j + 2, n - 1), j3 = Math.min(j + 3, n - 1);
    for (let i = 0; i < m; i += 2) {
      const i1 = Math.min(i + 1, m - 1);
      let a0 = ai + i * am, a1 = ai + i1 * am;
      let b0 = bi + j * bn, b1 = bi + j1 * bn, b2 = bi + j2 * bn, b3 = bi + j3 * bn;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      for (let l = 0; l < k; l++) {
        const x0 = a[a0]!, x1 = a[a1]!, y0 = b[b0]!, y1 = b[b1]!, y2 = b[b2]!, y3 = b[b3]!;
        s00 += x0 * y0; s01 += x0 * y1; s02 += x0 * y2; s03 += x0 * y3;
        s10 += x1 * y0; s11 += x1 * y1; s12 += x1 * y2; s13 += x1 * y3;
        a0 += ak; a1 += ak; b0 += bk; b1 += bk; b2 += bk; b3 += bk;
      }
      const o0 = oi + i * n, o1 = oi + i1 * n;
      o[o0 + j] = s00; o[o0 + j1] = s01; o[o0 + j2] = s02; o[o0 + j3] = s03;
      o[o1 + j] = s10; o[o1 + j1] = s11; o[o1 + j2] = s12; o[o1 + j3] = s13;
    }
  }
};

// deno-fmt-ignore
const multiplyInteger: Multiply = (o, oi, a, ai, b, bi, { m, n, k, am, ak, bk, bn }) => {
  const mul = Math.imul;
  for (let j = 0; j < n; j += 4) {
    const j1 = Math.min(j + 1, n - 1), j2 = Math.min(j + 2, n - 1), j3 = Math.min(j + 3, n - 1);
    for (let i = 0; i < m; i += 2) {
      const i1 = Math.min(i + 1, m - 1);
      let a0 = ai + i * am, a1 = ai + i1 * am;
      let b0 = bi + j * bn, b1 = bi + j1 * bn, b2 = bi + j2 * bn, b3 = bi + j3 * bn;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      for (let l = 0; l < k; l++) {
        const x0 = a[a0]!, x1 = a[a1]!, y0 = b[b0]!, y1 = b[b1]!, y2 = b[b2]!, y3 = b[b3]!;
        s00 = (s00 + mul(x0, y0)) | 0; s01 = (s01 + mul(x0, y1)) | 0;
        s02 = (s02 + mul(x0, y2)) | 0; s03 = (s03 + mul(x0, y3)) | 0;
        s10 = (s10 + mul(x1, y0)) | 0; s11 = (s11 + mul(x1, y1)) | 0;
        s12 = (s12 + mul(x1, y2)) | 0; s13 = (s13 + mul(x1, y3)) | 0;
        a0 += ak; a1 += ak; b0 += bk; b1 += bk; b2 += bk; b3 += bk;
      }
      const o0 = oi + i * n, o1 = oi + i1 * n;
      o[o0 + j] = s00; o[o0 + j1] = s01; o[o0 + j2] = s02; o[o0 + j3] = s03;
      o[o1 + j] = s10; o[o1 + j1] = s11; o[o1 + j2] = s12; o[o1 + j3] = s13;
    }
  }
};
