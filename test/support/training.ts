/** Small models with a training step, to look at its memory and its bits. */
import {
  add,
  applyUpdates,
  attention,
  gelu,
  type GradientTransformation,
  initLayerNorm,
  initLinear,
  jit,
  key,
  layerNorm,
  type LayerNormParams,
  linear,
  type LinearParams,
  mean,
  normal,
  randint,
  reshape,
  softmaxCrossEntropyWithIntegerLabels,
  splitKeys,
  type StateKind,
  type StateOf,
  take,
  tanh,
  type Tensor,
  type Tree,
  valueAndGrad,
} from "../../mod.ts";

/** A model, and data to train it with. */
export interface Model<P extends Tree> {
  readonly params: P;
  readonly loss: (params: P, inputs: Tensor, labels: Tensor) => Tensor;
  readonly inputs: Tensor;
  readonly labels: Tensor;
}

type Network = { hidden: LinearParams; out: LinearParams };

/** A network of two layers. */
export function network(device: string, width = 16): Model<Network> {
  const make = jit((seed: Tensor) => {
    const [first, second, forInputs, forLabels] = splitKeys(seed, 4);
    return {
      params: { hidden: initLinear(first, 8, width), out: initLinear(second, width, 4) },
      inputs: normal(forInputs, [12, 8]),
      labels: randint(forLabels, [12], 0, 4),
    };
  });
  const loss = ({ hidden, out }: Network, inputs: Tensor, labels: Tensor) =>
    mean(
      softmaxCrossEntropyWithIntegerLabels(linear(out, tanh(linear(hidden, inputs))), labels),
    );
  return { ...make(key(1, { device })), loss };
}

type Transformer = {
  embedding: Tensor;
  places: Tensor;
  attention: {
    norm: LayerNormParams;
    q: LinearParams;
    k: LinearParams;
    v: LinearParams;
    o: LinearParams;
  };
  feedForward: { norm: LayerNormParams; up: LinearParams; down: LinearParams };
  out: { norm: LayerNormParams; to: LinearParams };
};

/** A transformer of one layer that guesses the next of 24 characters, large enough for threads to help. */
export function transformer(device: string): Model<Transformer> {
  const [vocabulary, width, length, batch] = [24, 64, 32, 8];
  const make = jit((seed: Tensor) => {
    const [embedding, places, q, k, v, o, up, down, out, text] = splitKeys(seed, 10);
    const characters = randint(text, [batch, length], 0, vocabulary);
    return {
      params: {
        embedding: normal(embedding, [vocabulary, width]).mul(0.1),
        places: normal(places, [length, width]).mul(0.1),
        attention: {
          norm: initLayerNorm(width),
          q: initLinear(q, width, width),
          k: initLinear(k, width, width),
          v: initLinear(v, width, width),
          o: initLinear(o, width, width),
        },
        feedForward: {
          norm: initLayerNorm(width),
          up: initLinear(up, width, 4 * width),
          down: initLinear(down, 4 * width, width),
        },
        out: { norm: initLayerNorm(width), to: initLinear(out, width, vocabulary) },
      },
      inputs: characters,
      labels: randint(places, [batch, length], 0, vocabulary),
    };
  });
  const loss = (params: Transformer, inputs: Tensor, labels: Tensor) => {
    const { attention: a, feedForward: f, out } = params;
    let x = add(take(params.embedding, inputs), params.places);
    const seen = layerNorm(a.norm, x);
    const heads = attention(linear(a.q, seen), linear(a.k, seen), linear(a.v, seen), {
      causal: true,
    });
    x = add(x, linear(a.o, heads));
    x = add(x, linear(f.down, gelu(linear(f.up, layerNorm(f.norm, x)))));
    const logits = linear(out.to, layerNorm(out.norm, x));
    return mean(softmaxCrossEntropyWithIntegerLabels(
      reshape(logits, [batch * length, vocabulary]),
      reshape(labels, [batch * length]),
    ));
  };
  return { ...make(key(2, { device })), loss };
}

/** Training under way. */
export interface Trainer<P> {
  /** Makes a step and gives the loss before it. */
  step(): Tensor;
  params(): P;
}

/** A training step of a model whose parameters and state are donated. */
export function trainer<P extends Tree, Kind extends StateKind>(
  { params, loss, inputs, labels }: Model<P>,
  optimizer: GradientTransformation<Kind>,
): Trainer<P> {
  const jitted = jit(
    (params: P, state: StateOf<Kind, P>, inputs: Tensor, labels: Tensor) => {
      const [value, gradient] = valueAndGrad(loss)(params, inputs, labels);
      const [updates, next] = optimizer.update(gradient as P, state, params);
      return [applyUpdates(params, updates), next, value] as [P, StateOf<Kind, P>, Tensor];
    },
    { donate: [0, 1] },
  );
  let state = optimizer.init(params);
  return {
    step() {
      let value: Tensor;
      [params, state, value] = jitted(params, state, inputs, labels);
      return value;
    },
    params: () => params,
  };
}
