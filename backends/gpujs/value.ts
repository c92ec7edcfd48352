import type { DType } from "../../src/core/dtype.ts";

/** A value that a kernel has a name for; truth values are 0 and 1. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  /** Whether it was computed here, so that drivers may find in it what is in another. */
  readonly isComputed?: boolean;
  readonly product?: Product;
  /** The number, of float32, that it is for certain. */
  readonly literal?: number;
}

/** What drivers see of a product or a quotient. */
export interface Product {
  /** The names of all that it is made of. */
  readonly parts: ReadonlySet<string>;
  readonly divides: boolean;
  /** How many products lie within each other, itself included. */
  readonly depth: number;
}
