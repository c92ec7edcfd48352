import {
  add,
  arange,
  attention,
  gelu,
  initLayerNorm,
  initLinear,
  layerNorm,
  type LayerNormParams,
  linear,
  type LinearParams,
  matmul,
  mean,
  mul,
  normal,
  reshape,
  slice,
  softmaxCrossEntropyWithIntegerLabels,
  split,
  splitKeys,
  squeeze,
  take,
  type Tensor,
  transpose,
  treeLeaves,
} from "../../mod.ts";

/** The extents of the model. */
export interface ModelSize {
  readonly vocabulary: number;
  /** Characters that a prediction may look back on. */
  readonly context: number;
  readonly features: number;
  readonly heads: number;
  readonly blocks: number;
}

/** One transformer block. */
export type BlockParams = {
  readonly attentionNorm: LayerNormParams;
  readonly queryKeyValue: LinearParams;
  readonly attentionOut: LinearParams;
  readonly mlpNorm: LayerNormParams;
  readonly mlpIn: LinearParams;
  readonly mlpOut: LinearParams;
};

/** The whole model. */
export type ModelParams = {
  /** float32[vocabulary, features]: of the characters, in and out. */
  readonly embedding: Tensor;
  /** float32[context, features]. */
  readonly positions: Tensor;
  readonly blocks: readonly BlockParams[];
  readonly norm: LayerNormParams;
};

/** Random parameters, on the device of the key: the same key gives the same ones. */
export function initModel(key: Tensor, size: ModelSize): ModelParams {
  const { vocabulary, context, features, blocks } = size;
  const onDevice = { device: key.device };
  const [forEmbedding, forPositions, forBlocks] = splitKeys(key, 3);
  // Blocks add up, so each one's last layer starts smaller.
  const residual = { scale: 1 / Math.sqrt(2 * blocks) };
  const block = (index: number): BlockParams => {
    const blockKey = squeeze(slice(split(forBlocks, blocks), [index], [index + 1]), 0);
    const [k1, k2, k3, k4] = splitKeys(blockKey, 4);
    return {
      attentionNorm: initLayerNorm(features, onDevice),
      queryKeyValue: initLinear(k1, features, 3 * features),
      attentionOut: initLinear(k2, features, features, residual),
      mlpNorm: initLayerNorm(features, onDevice),
      mlpIn: initLinear(k3, features, 4 * features),
      mlpOut: initLinear(k4, 4 * features, features, residual),
    };
  };
  return {
    embedding: mul(normal(forEmbedding, [vocabulary, features]), 0.1),
    positions: mul(normal(forPositions, [context, features]), 0.1),
    blocks: Array.from({ length: blocks }, (_, index) => block(index)),
    norm: initLayerNorm(features, onDevice),
  };
}

/** Logits of the next character at every place: int32[batch, length] to float32[batch, length, vocabulary]. */
export function predict(params: ModelParams, tokens: Tensor, heads: number): Tensor {
  const length = tokens.shape[1]!;
  let x = add(take(params.embedding, tokens), take(params.positions, arange(length)));
  for (const block of params.blocks) {
    x = add(x, attend(block, layerNorm(block.attentionNorm, x), heads));
    const hidden = gelu(linear(block.mlpIn, layerNorm(block.mlpNorm, x)), { approximate: true });
    x = add(x, linear(block.mlpOut, hidden));
  }
  return matmul(layerNorm(params.norm, x), transpose(params.embedding));
}

function attend(block: BlockParams, x: Tensor, heads: number): Tensor {
  const [batch, length, features] = x.shape as [number, number, number];
  const width = features / heads;
  // [batch, length, 3, heads, width] -> [3, batch, heads, length, width]
  const all = transpose(
    reshape(linear(block.queryKeyValue, x), [batch, length, 3, heads, width]),
    [2, 0, 3, 1, 4],
  );
  const part = (index: number) => squeeze(slice(all, [index], [index + 1]), 0);
  const mixed = attention(part(0), part(1), part(2), { causal: true });
  return linear(
    block.attentionOut,
    reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, features]),
  );
}

/** The mean loss of predicting each character of int32[batch, length + 1] from those before it. */
export function lossOf(params: ModelParams, tokens: Tensor, heads: number): Tensor {
  const logits = predict(params, slice(tokens, [0, 0], [tokens.shape[0]!, -1]), heads);
  return mean(softmaxCrossEntropyWithIntegerLabels(logits, slice(tokens, [0, 1])));
}

/** The number of parameters of a model of this size. */
export function countParameters({ vocabulary, context, features, blocks }: ModelSize): number {
  const block = 12 * features * features + 9 * features + 4 * features;
  return (vocabulary + context) * features + blocks * block + 2 * features;
}

/** The number of elements of all leaves. */
export function countElements(params: ModelParams): number {
  return treeLeaves(params).reduce((sum, leaf) => sum + leaf.size, 0);
}
