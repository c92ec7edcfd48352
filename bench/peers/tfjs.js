/**
 * TensorFlow.js on its WebAssembly backend (SIMD; one thread outside browsers). Its kernels have run when a call
 * returns, so that nothing is awaited; `tidy` frees what is left over.
 */
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  integers,
  MLP,
  mlpWeights,
  oneHot,
  TRANSFORMER,
  transformerPairs,
  transformerWeights,
  uniform,
} from "../inputs.ts";
import { meanChange, meanSize } from "../measure.ts";
import { compileTime, report, serve } from "./serve.js";

const start = performance.now();
const require = createRequire(new URL("./package.json", import.meta.url));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
const folder = new URL("./node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url);
wasm.setWasmPaths(fileURLToPath(folder));
if (!await tf.setBackend("wasm")) throw new Error("its WebAssembly backend does not start");
const imported = performance.now() - start;

const array = (values, shape = [values.length]) => tf.tensor(values, shape);
const variable = (values, shape) => tf.variable(array(values, shape));

function optimizerStep(optimizer, { elements, tensors }, note) {
  const size = elements / tensors;
  const params = Array.from({ length: tensors }, (_, i) => variable(uniform(1001 + i, size)));
  const gradients = params.map(({ name }, i) => ({ name, tensor: array(uniform(1 + i, size)) }));
  const step = () => tf.tidy(() => optimizer.applyGradients(gradients));
  const before = params[0].dataSync().slice();
  step();
  const check = meanChange(before, params[0].dataSync());
  const release = () => {
    params.forEach((each) => each.dispose());
    gradients.forEach(({ tensor }) => tensor.dispose());
    optimizer.dispose();
  };
  return { step, check, note, release };
}

/** A function of fixed arguments; the check looks at the first result. */
function pure(f, args) {
  const call = () => [f(...args)].flat();
  const check = tf.tidy(() => meanSize(call()[0].dataSync()));
  const step = () => tf.tidy(() => void call());
  return { step, check, release: () => tf.dispose(args) };
}

const gelu = (x) =>
  tf.tidy(() => {
    const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
    return x.mul(0.5).mul(tf.tanh(inner).add(1));
  });
const layerNorm = ({ scale, offset }, x) => {
  const centered = x.sub(x.mean(-1, true));
  const deviation = tf.sqrt(tf.square(centered).mean(-1, true).add(1e-5));
  return centered.div(deviation).mul(scale).add(offset);
};
/** Matrices have two dimensions here: rows of all batches together. */
const linear = ({ w, b }, x) => tf.matMul(x, w).add(b);
const crossEntropy = (logits, labels) => tf.logSoftmax(logits).mul(labels).sum(-1).mean().neg();

function trainingStep(lossOf) {
  const optimizer = tf.train.adam(1e-3);
  let check;
  const step = () => optimizer.minimize(lossOf);
  tf.tidy(() => check = lossOf().dataSync()[0]);
  step();
  return { step, check, release: () => tf.disposeVariables() };
}

function mlp() {
  const { inputs, classes, batch } = MLP;
  const { hidden, out } = mlpWeights(variable);
  const images = array(uniform(50, batch * inputs), [batch, inputs]);
  const labels = array(oneHot(integers(51, batch, classes), classes), [batch, classes]);
  return trainingStep(() => crossEntropy(linear(out, tf.relu(linear(hidden, images))), labels));
}

function transformer() {
  const { vocabulary, context, features, heads, batch } = TRANSFORMER;
  const width = features / heads;
  const params = transformerWeights(variable);
  const pairs = transformerPairs();
  const rows = (tokens) => array(oneHot(tokens, vocabulary), [batch * context, vocabulary]);
  const [inputs, labels] = [rows(pairs.inputs), rows(pairs.labels)];
  const hidden = Array.from(
    { length: context * context },
    (_, i) => i % context > Math.floor(i / context) ? -1e9 : 0,
  );
  const mask = array(Float32Array.from(hidden), [context, context]);
  const attend = (block, x) => {
    const [q, k, v] = tf.split(linear(block.queryKeyValue, x), 3, -1)
      .map((part) => part.reshape([batch, context, heads, width]).transpose([0, 2, 1, 3]));
    const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(width)).add(mask);
    const mixed = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]);
    return linear(block.attentionOut, mixed.reshape([batch * context, features]));
  };
  return trainingStep(() => {
    let x = tf.matMul(inputs, params.embedding).reshape([batch, context, features])
      .add(params.positions).reshape([batch * context, features]);
    for (const block of params.blocks) {
      x = x.add(attend(block, layerNorm(block.attentionNorm, x)));
      const inner = gelu(linear(block.mlpIn, layerNorm(block.mlpNorm, x)));
      x = x.add(linear(block.mlpOut, inner));
    }
    const logits = tf.matMul(layerNorm(params.norm, x), params.embedding, false, true);
    return crossEntropy(logits, labels);
  });
}

function convInputs({ batch, extent, channels }) {
  const make = (seed, shape) => array(uniform(seed, shape.reduce((a, b) => a * b)), shape);
  const image = [batch, extent, extent, channels];
  return { x: make(1, image), w: make(2, [3, 3, channels, channels]), c: make(3, image) };
}

const cases = {
  s3: (numbers) => optimizerStep(tf.train.adam(1e-3), numbers, "Adam"),
  adamw: (numbers) => optimizerStep(tf.train.adam(1e-3), numbers, "Adam"),
  sgd: (numbers) => optimizerStep(tf.train.momentum(1e-3, 0.9), numbers),
  "affine-gelu": ({ elements }) =>
    pure((x) => gelu(x.mul(1.5).add(0.5)), [array(uniform(1, elements))]),
  softmax: ({ rows, columns }) => {
    const [x, w] = [1, 2].map((seed) => array(uniform(seed, rows * columns, 4), [rows, columns]));
    const gradient = tf.grad((x) => tf.softmax(x).mul(w).sum());
    return pure((x) => gradient(x), [x, w]);
  },
  "layer-norm": ({ rows, columns }) => {
    const [x, w] = [1, 2].map((seed) => array(uniform(seed, rows * columns), [rows, columns]));
    const [scale, offset] = [3, 4].map((seed) => array(uniform(seed, columns)));
    const gradients = tf.grads((x, scale, offset) => layerNorm({ scale, offset }, x).mul(w).sum());
    return pure((x, scale, offset) => gradients([x, scale, offset]), [x, scale, offset, w]);
  },
  matmul: ({ m, k, n }) =>
    pure(
      (a, b) => tf.matMul(a, b),
      [array(uniform(1, m * k), [m, k]), array(uniform(2, k * n), [k, n])],
    ),
  conv: (numbers) => {
    const { x, w } = convInputs(numbers);
    return pure((x, w) => tf.conv2d(x, w, 1, "same"), [x, w]);
  },
  "conv-gradient": (numbers) => {
    const { x, w, c } = convInputs(numbers);
    const gradients = tf.grads((x, w) => tf.conv2d(x, w, 1, "same").mul(c).sum());
    return pure((x, w) => gradients([x, w]), [x, w, c]);
  },
  mlp,
  transformer,
};

const [mode, name] = process.argv.slice(2);
if (mode !== "fresh") await serve(cases);
else if (name === "compile") report({ compile: await compileTime(transformer) });
else {
  const before = performance.now();
  const value = tf.tidy(() => tf.square(tf.tensor([1, 2, 3])).sum().dataSync()[0]);
  if (value !== 14) throw new Error(`the sum of squares is ${value}; expected 14`);
  report({ import: imported, first: performance.now() - before });
}
