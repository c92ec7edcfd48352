import { ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkBoolean, checkKnown } from "../core/options.ts";
import { formatShape } from "../core/shape.ts";
import { mul } from "../ops/arithmetic.ts";
import { greaterEqual } from "../ops/comparison.ts";
import { matmul } from "../ops/linear-algebra.ts";
import { where } from "../ops/logical.ts";
import { checkTensor } from "../ops/promote.ts";
import { expandDims, transpose } from "../ops/shaping.ts";
import { iota } from "../primitives/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { softmax } from "./activations.ts";

/**
 * Scaled dot-product attention (A. Vaswani et al., arXiv 1706.03762): softmax(q k^T / sqrt(features)) v over
 * `[..., length, features]`. With `causal` a place attends only to itself and to places before it.
 *
 * @throws {ShapeError} if the operands do not fit together.
 * @throws {OptionError} if an option is unknown or of the wrong kind.
 *
 * @example
 * ```ts
 * import { attention, tensor } from "softstep";
 *
 * const x = tensor([[1, 0]]);
 * console.log(attention(x, x, x, { causal: true }).toArray()); // => [ [ 1, 0 ] ]
 * ```
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { readonly causal?: boolean } = {},
): Tensor {
  for (const [name, x] of Object.entries({ q, k, v })) checkTensor("attention", x, name);
  checkKnown("attention", options, ["causal"]);
  const { causal = false } = options;
  checkBoolean("attention", "causal", causal);
  if (q.rank < 2 || k.rank < 2 || v.rank < 2) {
    throw new ShapeError(
      "attention",
      `cannot take ${[q, k, v].map((x) => formatShape(x.shape)).join(", ")}; expected ` +
        `[..., length, features] each`,
    );
  }
  return inNameOf("attention", () => {
    const axes = k.shape.map((_, axis) => axis);
    const swapped = [...axes.slice(0, -2), k.rank - 1, k.rank - 2];
    const scores = mul(matmul(q, transpose(k, swapped)), 1 / Math.sqrt(q.shape.at(-1)!));
    if (!causal) return matmul(softmax(scores), v);
    const [rows, columns] = scores.shape.slice(-2) as [number, number];
    const places = (count: number) => iota([count], "int32", 0, scores);
    const isVisible = greaterEqual(expandDims(places(rows), 1), places(columns));
    return matmul(softmax(where(isVisible, scores, -Infinity)), v);
  });
}
