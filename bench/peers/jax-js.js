/**
 * jax-js on its WebAssembly device. Everything is compiled by its `jit`, and awaited by `blockUntilReady`: the
 * asynchronous way uses its threads. With `one-thread` it finds no workers and runs everything at once, which is faster
 * for small work. Its functions consume their arguments; `.ref` keeps one.
 */
import process from "node:process";
import {
  integers,
  MLP,
  mlpWeights,
  oneHot,
  TRANSFORMER,
  transformerPairs,
  transformerWeights,
  transposed,
  uniform,
} from "../inputs.ts";
import { meanChange, meanSize } from "../measure.ts";
import { compileTime, report, serve } from "./serve.js";

const words = process.argv.slice(2);
if (words[0] === "one-thread") {
  words.shift();
  delete globalThis.Worker;
}

const start = performance.now();
const jax = await import(new URL("./node_modules/@jax-js/jax/dist/index.js", import.meta.url).href);
const { blockUntilReady, grad, jit, lax, nn, numpy: np, tree, valueAndGrad } = jax;
await jax.init("wasm");
jax.defaultDevice("wasm");
const imported = performance.now() - start;

const array = (values, shape = [values.length]) => np.array(values).reshape(shape);

/**
 * A step of Adam over lists of arrays; with `decay` AdamW. Compiled for one array and called for each: one `jit` over
 * all of them costs the square of their number.
 */
function adamOver(p, rate, decay = 0) {
  const [b1, b2, eps] = [0.9, 0.999, 1e-8];
  const update = jit((p, m, v, g, c1, c2) => {
    const nextM = m.mul(b1).add(g.ref.mul(1 - b1));
    const nextV = v.mul(b2).add(np.square(g).mul(1 - b2));
    const root = np.sqrt(nextV.ref.mul(c2)).add(eps);
    const direction = nextM.ref.mul(c1).div(root);
    const nextP = decay === 0
      ? p.sub(direction.mul(rate))
      : p.ref.sub(direction.add(p.mul(decay)).mul(rate));
    return [nextP, nextM, nextV];
  });
  const state = p.map((p) => [p, np.zeros(p.shape), np.zeros(p.shape)]);
  let count = 0;
  const step = (g) => {
    count++;
    // They undo the bias of the moments.
    const c1 = np.array([1 / (1 - b1 ** count)]);
    const c2 = np.array([1 / (1 - b2 ** count)]);
    state.forEach((each, i) => state[i] = update(...each, g[i], c1.ref, c2.ref));
    c1.dispose();
    c2.dispose();
  };
  return { state, step, params: () => state.map(([p]) => p) };
}

function arraysOf({ elements, tensors }, seed) {
  const size = elements / tensors;
  return Array.from({ length: tensors }, (_, i) => array(uniform(seed + i, size)));
}

async function adamStep(numbers, decay, note) {
  const g = arraysOf(numbers, 1);
  const adam = adamOver(arraysOf(numbers, 1001), 1e-3, decay);
  const step = async () => {
    adam.step(tree.ref(g));
    await blockUntilReady(adam.state);
  };
  const check = await checkChange(adam.params, step);
  return { step, check, note, release: () => tree.dispose([adam.state, g]) };
}

async function momentumStep(numbers) {
  const g = arraysOf(numbers, 1);
  const state = arraysOf(numbers, 1001).map((p) => [p, np.zeros(p.shape)]);
  const update = jit((p, m, g) => {
    const nextM = m.mul(0.9).add(g);
    return [p.sub(nextM.ref.mul(1e-3)), nextM];
  });
  const step = async () => {
    state.forEach((each, i) => state[i] = update(...each, g[i].ref));
    await blockUntilReady(state);
  };
  const check = await checkChange(() => state.map(([p]) => p), step);
  return { step, check, release: () => tree.dispose([state, g]) };
}

async function checkChange(params, step) {
  const before = await params()[0].ref.data();
  await step();
  return meanChange(before, await params()[0].ref.data());
}

/** A compiled function of fixed arguments. */
async function pure(f, args) {
  const compiled = jit(f);
  const call = () => compiled(...args.map((argument) => tree.ref(argument)));
  const first = tree.leaves(call());
  const check = meanSize(await first[0].data());
  first.slice(1).forEach((leaf) => leaf.dispose());
  const step = async () => {
    const result = call();
    await blockUntilReady(result);
    tree.dispose(result);
  };
  return { step, check, release: () => tree.dispose(args) };
}

const layerNorm = ({ scale, offset }, x) =>
  nn.standardize(x, -1, { epsilon: 1e-5 }).mul(scale).add(offset);
const linear = ({ w, b }, x) => np.matmul(x, w).add(b);
const crossEntropy = (logits, labels) => nn.logSoftmax(logits).mul(labels).sum(-1).mean().neg();

/** One step of Adam: loss and gradients in one compiled function, then the update. */
async function trainingStep(lossOf, weights, batch) {
  const [leaves, structure] = tree.flatten(weights);
  const adam = adamOver(leaves, 1e-3);
  const compiled = jit((p, ...batch) =>
    valueAndGrad((p) => lossOf(tree.unflatten(structure, p), ...batch))(p)
  );
  let loss;
  const step = async () => {
    loss?.dispose();
    const [value, gradients] = compiled(tree.ref(adam.params()), ...tree.ref(batch));
    loss = value;
    adam.step(gradients);
    await blockUntilReady([loss, adam.state]);
  };
  await step();
  const check = (await loss.ref.data())[0];
  return { step, check, release: () => tree.dispose([adam.state, batch, loss]) };
}

function mlp() {
  const { inputs, classes, batch } = MLP;
  const images = array(uniform(50, batch * inputs), [batch, inputs]);
  const labels = array(oneHot(integers(51, batch, classes), classes), [batch, classes]);
  const lossOf = ({ hidden, out }, images, labels) =>
    crossEntropy(linear(out, nn.relu(linear(hidden, images))), labels);
  return trainingStep(lossOf, mlpWeights(array), [images, labels]);
}

function transformer() {
  const { vocabulary, context, features, heads, batch } = TRANSFORMER;
  const width = features / heads;
  const attend = (block, x) => {
    const parts = np.split(linear(block.queryKeyValue, x), 3, -1)
      .map((part) => part.reshape([batch, context, heads, width]));
    const mixed = nn.dotProductAttention(...parts, { isCausal: true });
    return linear(block.attentionOut, mixed.reshape([batch, context, features]));
  };
  const lossOf = (params, inputs, labels) => {
    let x = np.matmul(inputs, params.embedding.ref).add(params.positions);
    for (const block of params.blocks) {
      x = x.ref.add(attend(block, layerNorm(block.attentionNorm, x)));
      const hidden = nn.gelu(linear(block.mlpIn, layerNorm(block.mlpNorm, x.ref)));
      x = x.add(linear(block.mlpOut, hidden));
    }
    const logits = np.matmul(layerNorm(params.norm, x), np.transpose(params.embedding));
    return crossEntropy(logits, labels);
  };
  const pairs = transformerPairs();
  const rows = (tokens) => array(oneHot(tokens, vocabulary), [batch, context, vocabulary]);
  const pair = [rows(pairs.inputs), rows(pairs.labels)];
  return trainingStep(lossOf, transformerWeights(array), pair);
}

/** Its convolutions have the channels first. */
function convInputs({ batch, extent, channels }) {
  const make = (seed, shape, permutation) => {
    const values = uniform(seed, shape.reduce((a, b) => a * b));
    return array(transposed(values, shape, permutation), permutation.map((axis) => shape[axis]));
  };
  const [image, first] = [[batch, extent, extent, channels], [0, 3, 1, 2]];
  return {
    x: make(1, image, first),
    w: make(2, [3, 3, channels, channels], [3, 2, 0, 1]),
    c: make(3, image, first),
  };
}

const cases = {
  s3: (numbers) => adamStep(numbers, 0, "Adam"),
  adamw: (numbers) => adamStep(numbers, 0.01),
  sgd: momentumStep,
  "affine-gelu": ({ elements }) =>
    pure((x) => nn.gelu(x.mul(1.5).add(0.5)), [array(uniform(1, elements))]),
  softmax: ({ rows, columns }) =>
    pure(
      grad((x, w) => np.sum(nn.softmax(x).mul(w))),
      [1, 2].map((seed) => array(uniform(seed, rows * columns, 4), [rows, columns])),
    ),
  "layer-norm": ({ rows, columns }) => {
    const [x, w] = [1, 2].map((seed) => array(uniform(seed, rows * columns), [rows, columns]));
    const [scale, offset] = [3, 4].map((seed) => array(uniform(seed, columns)));
    const f = (x, scale, offset, w) => np.sum(layerNorm({ scale, offset }, x).mul(w));
    return pure(grad(f, { argnums: [0, 1, 2] }), [x, scale, offset, w]);
  },
  matmul: ({ m, k, n }) =>
    pure(
      (a, b) => np.matmul(a, b),
      [array(uniform(1, m * k), [m, k]), array(uniform(2, k * n), [k, n])],
    ),
  conv: (numbers) => {
    const { x, w } = convInputs(numbers);
    return pure((x, w) => lax.conv(x, w, [1, 1], "SAME"), [x, w]);
  },
  "conv-gradient": (numbers) => {
    const { x, w, c } = convInputs(numbers);
    const f = (x, w, c) => np.sum(lax.conv(x, w, [1, 1], "SAME").mul(c));
    return pure(grad(f, { argnums: [0, 1] }), [x, w, c]);
  },
  mlp,
  transformer,
};

const [mode, name] = words;
if (mode !== "fresh") await serve(cases);
else if (name === "compile") report({ compile: await compileTime(transformer) });
else {
  const before = performance.now();
  const value = (await jit((x) => np.sum(x.ref.mul(x)))(np.array([1, 2, 3])).data())[0];
  if (value !== 14) throw new Error(`the sum of squares is ${value}; expected 14`);
  report({ import: imported, first: performance.now() - before });
}
process.exit(0); // its workers would keep the process
