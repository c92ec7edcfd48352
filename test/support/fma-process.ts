// Prints what the CPU device says of itself, and how far its results are from those of `reference`: in units of 2^-24
// of the largest number, so that cancellation does not count.
import {
  cbrt,
  describeDevice,
  exp,
  expm1,
  gelu,
  log,
  matmul,
  s3,
  sigmoid,
  tanh,
  type Tensor,
  tensor,
} from "../../mod.ts";

const size = 61;
const values = Float32Array.from(
  { length: size * size },
  (_, i) => (i * 40503 % 65537) / 9000 - 3.6,
);

function results(device: string): Record<string, Tensor> {
  const x = tensor(values, { shape: [size, size], device });
  const positive = tensor(values.map((value) => 4 + value), { device });
  const optimizer = s3({ learningRate: 1 });
  let state = optimizer.init(x);
  let updates = x;
  for (let step = 0; step < 3; step++) [updates, state] = optimizer.update(x, state);
  return {
    product: matmul(x, x),
    row: matmul(tensor(values.slice(0, size), { device }), x),
    exp: exp(x),
    expm1: expm1(x),
    log: log(positive),
    tanh: tanh(x),
    sigmoid: sigmoid(x),
    gelu: gelu(x),
    cbrt: cbrt(x),
    s3: updates,
  };
}

const expected = results("reference");
const distances = Object.entries(results("cpu")).map(([name, actual]) => {
  const right = expected[name]!.dataSync();
  let largest = 0;
  let distance = 0;
  actual.dataSync().forEach((value, i) => {
    largest = Math.max(largest, Math.abs(right[i]!));
    // NaN stays.
    distance = Math.max(distance, Math.abs(value - right[i]!));
  });
  return [name, distance / largest * 2 ** 24];
});
console.log(JSON.stringify({ device: describeDevice("cpu"), distances }));
