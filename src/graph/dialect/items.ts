/** A piece of a kernel's function. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A piece of a kernel's function that is written in another way on another device. */
export type Item =
  & Span
  & (
    /** An input without axes, or a variable. */
    | { readonly kind: "name"; readonly declaration: number }
    /** A variable and its first value: `i = 0` of `let i = 0`. */
    | { readonly kind: "declaration"; readonly declaration: number; readonly value: Span }
    /** An element of an input. */
    | { readonly kind: "element"; readonly input: number; readonly indices: readonly Span[] }
    /** An extent of an input: `x.length`, or `x[0].length`, with the indices before it. */
    | { readonly kind: "length"; readonly input: number; readonly indices: readonly Span[] }
    | { readonly kind: "constant"; readonly name: string }
    /** A number as it is written, `Infinity` or `NaN`. */
    | { readonly kind: "number"; readonly value: number }
    /** `this.thread.x`, `this.output.y`, ...: axis 0 is x. */
    | { readonly kind: "position"; readonly of: "thread" | "output"; readonly axis: number }
    /** `true` or `false`, or what bundlers write for them: `!0`, `!1`. */
    | { readonly kind: "truth"; readonly value: boolean }
    /** A call of a function of Math, or `a ** b`, which is pow. */
    | { readonly kind: "call"; readonly name: string; readonly args: readonly Span[] }
    /** `isNaN(x)` or `isFinite(x)`, of Number or not. */
    | { readonly kind: "test"; readonly name: "isNaN" | "isFinite"; readonly arg: Span }
    | { readonly kind: "unary"; readonly operator: "-" | "+" | "~"; readonly operand: Span }
    /** Two numbers: arithmetic, bits, or a comparison. */
    | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Span;
      readonly right: Span;
    }
    /** `condition ? one : other` */
    | {
      readonly kind: "choice";
      readonly condition: Span;
      readonly one: Span;
      readonly other: Span;
    }
    /** `i++` or `i--` */
    | { readonly kind: "step"; readonly declaration: number; readonly by: 1 | -1 }
    /** `i = 1`, `i += 1`, ... */
    | {
      readonly kind: "assignment";
      readonly declaration: number;
      readonly operator: string;
      readonly value: Span;
    }
  );

/** What a kernel's function does with an input or a variable. */
export interface VariableUse {
  /** Undefined for an input. */
  readonly initial?: Span;
  /** The condition of the loop in whose head it is declared. */
  readonly condition?: Span;
  /** The assignments to it. */
  readonly changes: readonly Item[];
}

/** What is known of a kernel's function. */
export interface KernelSource {
  /** The text that all pieces are of: the function's, without continue. */
  readonly text: string;
  /** By their ends: items come after those that lie in them. */
  readonly items: readonly Item[];
  /** By their declarations: inputs count first. */
  readonly variables: readonly VariableUse[];
  /** What stands between the braces. */
  readonly body: Span;
  readonly hasReturnInLoop: boolean;
  /** The item that is all of a piece, but for parentheses. */
  itemAt(piece: Span): Item | undefined;
}
