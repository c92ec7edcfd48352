import type { DType } from "../../../src/core/dtype.ts";
import type { NamedBuffer } from "./assemble.ts";

/** Products of matrices, [rows, depth] by [depth, columns], `batches` of them; the result is row-major. */
export interface Product {
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly a: ProductOperand;
  readonly b: ProductOperand;
  readonly dtype: DType;
  /** The planned buffer that holds the result. */
  readonly output: number;
}

/** A sum cut into parts, which further workgroups make: each part of the result goes to `target`, one behind the other. */
export interface Split {
  readonly parts: number;
  /** Steps in a part. */
  readonly depth: number;
  readonly target: number;
}

/** A side of a product of matrices. `free` is a row of the left one and a column of the right one. */
export interface ProductOperand {
  /** The axis along which neighbours lie next to each other in memory. */
  readonly nearest: "free" | "depth";
  /** Whether four neighbours along `free`, from a multiple of four on, are one aligned vector. */
  readonly hasQuads: boolean;
  /**
   * For an operand that is called `x`: the functions `xFree(batch: u32, free: u32) -> XFree`,
   * `xDepth(depth: u32) -> XDepth`, which do what depends on one index alone, and `xAt(free: XFree, depth: XDepth)`,
   * the element; a vector of four if `quads`.
   */
  text(name: string, quads: boolean): ProductOperandText;
}

/** The text of a `ProductOperand`. */
export interface ProductOperandText {
  readonly buffers: readonly NamedBuffer[];
  readonly functions: string;
}
