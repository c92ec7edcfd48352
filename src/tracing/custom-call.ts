import type { Tensor } from "../tensor/tensor.ts";

/** A function of tensors that has a reverse derivative of its own. */
export interface CustomCall {
  /** The public function that made it. */
  readonly functionName: string;
  /** What messages call the function. */
  readonly name: string;
  /** The function itself. */
  readonly apply: (operands: readonly Tensor[]) => readonly Tensor[];
  /** The function with what its derivative needs. */
  readonly forward: (operands: readonly Tensor[]) => CustomForward;
}

/** A value, and the way back from it. */
export interface CustomForward {
  readonly outputs: readonly Tensor[];
  readonly residuals: readonly Tensor[];
  /** The cotangents of the operands, given those of all outputs; undefined means zero. */
  readonly backward: (
    residuals: readonly Tensor[],
    cotangents: readonly Tensor[],
  ) => readonly (Tensor | undefined)[];
}
