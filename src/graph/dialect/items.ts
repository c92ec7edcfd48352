/** A piece of a kernel's function. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A piece of a kernel's function that is written in another way on another device. */
export type Item =
  & Span
  & (
    /** An input without axes, or a variable; also where it is declared. */
    | { readonly kind: "name"; readonly declaration: number }
    /** An element of an input. */
    | { readonly kind: "element"; readonly input: number; readonly indices: readonly Span[] }
    /** An extent of an input: `x.length`, `x[0].length`. */
    | { readonly kind: "length"; readonly input: number; readonly axis: number }
    | { readonly kind: "constant"; readonly name: string }
    /** `this.thread.x`, `this.output.y`, ...: axis 0 is x. */
    | { readonly kind: "position"; readonly of: "thread" | "output"; readonly axis: number }
    /** `true` or `false`, or what bundlers write for them: `!0`, `!1`. */
    | { readonly kind: "truth"; readonly value: boolean }
    /** A call of a function of Math. */
    | { readonly kind: "call"; readonly name: string; readonly args: readonly Span[] }
    /** `condition ? one : other` */
    | {
      readonly kind: "choice";
      readonly condition: Span;
      readonly one: Span;
      readonly other: Span;
    }
    /** `i++` or `i--` */
    | { readonly kind: "step"; readonly declaration: number; readonly by: 1 | -1 }
  );

/** What is known of a kernel's function. */
export interface KernelSource {
  /** By their ends: items come after those that lie in them. */
  readonly items: readonly Item[];
  /** What stands between the braces. */
  readonly body: Span;
}
