/** Elements that are computed with at once: one, or a vector of four. */
export type Width = 1 | 4;

/**
 * WGSL has no generic functions, so functions are written for a width that is still open: `F`, `I`, `U` and `B` are
 * f32, i32, u32 and bool or vectors of four of them, and `$name` is a function of this library for that width.
 * `each` marks one that is for single elements only; vectors call it four times.
 */
export interface FunctionText {
  readonly text: string;
  readonly each?: { readonly from: readonly ("F" | "I" | "U")[]; readonly to: "F" | "I" | "U" };
}
