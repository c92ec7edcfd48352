import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as softstep from "../mod.ts";
import { grad, jvp, type Tensor, tensor, vjp, vmap } from "../mod.ts";
import { oneHot } from "../mod.ts";
import { root } from "./support/files.ts";
import { assertClose, elementsOf, reviveNumbers } from "./support/tensors.ts";

interface Options {
  readonly axis?: number | null;
  readonly eps?: number;
  readonly approximate?: boolean;
  readonly stride?: [number, number];
  readonly padding?: "same" | "valid" | [number, number][];
  readonly dilation?: [number, number];
  readonly groups?: number;
}

interface Case {
  readonly function: string;
  readonly args: readonly softstep.NestedArray[];
  readonly options: Options;
  readonly value: softstep.NestedArray;
  readonly cotangent: softstep.NestedArray;
  readonly gradients: readonly (softstep.NestedArray | null)[];
}

interface Golden {
  readonly softmax: readonly Case[];
  readonly losses: readonly Case[];
  readonly elementwise: readonly Case[];
  readonly reductions: readonly Case[];
  readonly layers: readonly Case[];
  readonly convolutions: readonly Case[];
  readonly hessian: {
    readonly x: number[];
    readonly value: number;
    readonly gradient: number[];
    readonly hessian: number[][];
    readonly tangent: number[];
    readonly jvp: number;
    readonly hessianVectorProduct: number[];
  };
  readonly thirdDerivative: readonly { readonly x: number; readonly derivatives: number[] }[];
  readonly geluDerivatives: readonly {
    readonly x: number;
    readonly approximate: boolean;
    readonly derivatives: number[];
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(`${root}test/golden/functions.json`, "utf8"),
  reviveNumbers,
);

const {
  abs,
  add,
  argMax,
  attention,
  cast,
  cbrt,
  clip,
  conv2d,
  cumSum,
  div,
  erf,
  erfInv,
  exp,
  expm1,
  flip,
  gelu,
  greater,
  layerNorm,
  log,
  log1p,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  pow,
  relu,
  reshape,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyWithIntegerLabels,
  sqrt,
  square,
  sum,
  take,
  tanh,
  transpose,
  variance,
  where,
} = softstep;

const whole = (x: Tensor) => cast(x, "int32");
const reduceOptions = ({ axis }: Options) => axis === null || axis === undefined ? {} : { axis };
type Functions = Record<string, (inputs: Tensor[], options: Options) => Tensor>;

const functions: Functions = {
  softmax: ([x], { axis }) => softmax(x!, axis!),
  logSoftmax: ([x], { axis }) => logSoftmax(x!, axis!),
  logsumexp: ([x], options) => logSumExp(x!, reduceOptions(options)),
  softmaxCrossEntropy: ([x, labels]) => softmaxCrossEntropy(x!, labels!),
  softmaxCrossEntropyWithIntegerLabels: ([x, labels]) =>
    softmaxCrossEntropyWithIntegerLabels(x!, whole(labels!)),
  gelu: ([x], { approximate }) => gelu(x!, { approximate: approximate! }),
  relu: ([x]) => relu(x!),
  silu: ([x]) => silu(x!),
  tanh: ([x]) => tanh(x!),
  erf: ([x]) => erf(x!),
  erfInv: ([x]) => erfInv(x!),
  expm1: ([x]) => expm1(x!),
  log1p: ([x]) => log1p(x!),
  sigmoid: ([x]) => sigmoid(x!),
  abs: ([x]) => abs(x!),
  sign: ([x]) => sign(x!),
  sqrt: ([x]) => sqrt(x!),
  cbrt: ([x]) => cbrt(x!),
  log: ([x]) => log(x!),
  maximum: ([a, b]) => maximum(a!, b!),
  minimum: ([a, b]) => minimum(a!, b!),
  clip: ([x]) => clip(x!, -1, 1),
  pow: ([a, b]) => pow(a!, b!),
  powInteger: ([a, b]) => pow(a!, whole(b!)),
  square: ([x]) => square(x!),
  cube: ([x]) => pow(x!, 3),
  zerothPower: ([x]) => pow(x!, 0),
  reciprocal: ([x]) => div(1, x!),
  whereLog: ([x]) => where(greater(x!, 0), log(x!), 0),
  whereSqrt: ([x]) => where(greater(x!, 0), sqrt(x!), 0),
  whereSqrtSafe: ([x]) => where(greater(x!, 0), sqrt(where(greater(x!, 0), x!, 1)), 0),
  where: ([condition, a, b]) => where(cast(condition!, "bool"), a!, b!),
  max: ([x], options) => max(x!, reduceOptions(options)),
  min: ([x], options) => min(x!, reduceOptions(options)),
  argmax: ([x], { axis }) => cast(argMax(x!, axis!), "float64"),
  mean: ([x], options) => mean(x!, reduceOptions(options)),
  variance: ([x], options) => variance(x!, reduceOptions(options)),
  norm: ([x]) => sqrt(sum(square(x!))),
  cumsum: ([x], { axis }) => cumSum(x!, axis!),
  cumsumReverse: ([x]) => flip(cumSum(flip(x!))),
  take: ([x, indices]) => take(x!, whole(indices!)),
  conv2d: ([x, w], { stride, padding, dilation, groups }) =>
    conv2d(x!, w!, {
      stride: stride!,
      padding: padding!,
      dilation: dilation!,
      groups: groups!,
    }),
  matmul: ([a, b]) => matmul(a!, b!),
  causalAttention: ([x, ...weights]) => causalAttention(x!, weights),
  layerNorm: ([x, scale, offset], { eps }) =>
    layerNorm({ scale: scale!, offset: offset! }, x!, { eps: eps! }),
};

/** Attention in two heads, with a weight before and after: x is [time, width], each weight [width, width]. */
function causalAttention(x: Tensor, weights: readonly Tensor[]): Tensor {
  const [time, width] = x.shape as [number, number];
  const [q, k, v] = weights.slice(0, 3).map((weight) =>
    transpose(reshape(matmul(x, weight), [time, 2, width / 2]), [1, 0, 2])
  );
  const mixed = attention(q!, k!, v!, { causal: true });
  return matmul(reshape(transpose(mixed, [1, 0, 2]), [time, width]), weights[3]!);
}

/** What this library does not have yet. */
const missing = ["atan2", "erfc", "logSigmoid", "prod", "softplus"];

/**
 * Elements of a gradient in which this library chooses 0 and JAX does not: |x| at 0 (JAX: 1), a^b by a at
 * a = b = 0 (JAX: NaN), and the cross entropy by a label that is 0 (JAX: -log of the probability).
 */
const zeroGradients: Record<string, readonly number[]> = {
  "abs 0": [1, 2],
  "pow 0": [0],
};

const tensor64 = (data: softstep.NestedArray) => tensor(data, { dtype: "float64" });
const flat = (data: softstep.NestedArray): number[] => elementsOf(tensor64(data));

const sections = [
  "softmax",
  "losses",
  "elementwise",
  "reductions",
  "layers",
  "convolutions",
] as const;

test("golden functions: every function of the file is tested or known to be missing", () => {
  const names = new Set(sections.flatMap((section) => golden[section].map((c) => c.function)));
  assert.deepEqual(Object.keys(functions).concat(missing).toSorted(), [...names].toSorted());
  for (const name of missing) assert.ok(!(name in softstep), `${name} exists now: test it`);
});

for (const section of sections) {
  golden[section].forEach((c, i) => {
    const f = functions[c.function];
    if (f === undefined) return;
    test(`golden functions: ${section} ${i}, ${c.function} ${JSON.stringify(c.options)}`, () => {
      const args = c.args.map(tensor64);
      const [value, pullback] = vjp((...inputs: Tensor[]) => f(inputs, c.options), ...args);
      assertClose(elementsOf(value), flat(c.value), 1e-12, "value");
      const gradients = pullback(tensor64(c.cotangent));
      c.gradients.forEach((expected, k) => {
        if (expected === null) return;
        const values = flat(expected);
        for (const element of zeroGradients[`${c.function} ${k}`] ?? []) values[element] = 0;
        assertClose(elementsOf(gradients[k]!), values, 1e-12, `gradient ${k}`);
      });
    });
  });
}

/** sum(sin(x) x^2) + x0 x1 x2 + logSumExp(x) */
function smooth(x: Tensor): Tensor {
  const [a, b, c] = [0, 1, 2].map((i) => slice(x, [i], [i + 1]));
  const product = sum(mul(mul(a!, b!), c!));
  return add(add(sum(mul(sin(x), mul(x, x))), product), logSumExp(x));
}

test("golden functions: a gradient, a Hessian, and products with it", () => {
  const { hessian, ...expected } = golden.hessian;
  const [x, tangent] = [tensor64(expected.x), tensor64(expected.tangent)];
  const close = (actual: Tensor, expected: softstep.NestedArray) =>
    assertClose(elementsOf(actual), flat(expected), 1e-12);
  close(smooth(x), expected.value);
  close(grad(smooth)(x), expected.gradient);
  close(jvp(smooth, [x], [tangent])[1], expected.jvp);
  close(jvp(grad(smooth), [x], [tangent])[1], expected.hessianVectorProduct);
  close(grad((x: Tensor) => sum(mul(grad(smooth)(x), tangent)))(x), expected.hessianVectorProduct);

  const basis = oneHot(tensor([0, 1, 2], { dtype: "int32" }), 3, "float64");
  const forwardOverReverse = vmap((t: Tensor) => jvp(grad(smooth), [x], [t])[1])(basis);
  const reverseOverReverse = vmap((t: Tensor) => vjp(grad(smooth), x)[1](t)[0])(basis);
  const reverseOverForward = vmap((t: Tensor) => grad((x: Tensor) => jvp(smooth, [x], [t])[1])(x))(
    basis,
  );
  for (const h of [forwardOverReverse, reverseOverReverse, reverseOverForward]) close(h, hessian);
});

/** A function of one number, and its first three derivatives by grad of grad and by jvp of jvp. */
function checkThree(f: (x: Tensor) => Tensor, x: number, expected: readonly number[]): void {
  const forward = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
    jvp(f, [x], [tensor(1, { dtype: "float64" })])[1];
  for (const derive of [grad, forward] as ((f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor)[]) {
    let derivative = f;
    for (const value of expected) {
      assertClose([derivative(tensor(x, { dtype: "float64" })).item()], [value], 1e-12);
      derivative = derive(derivative);
    }
  }
}

test("golden functions: three derivatives of a wave", () => {
  const wave = (x: Tensor) => mul(tanh(x), exp(mul(x, 0.5)));
  for (const { x, derivatives } of golden.thirdDerivative) checkThree(wave, x, derivatives);
});

test("golden functions: three derivatives of gelu", () => {
  for (const { x, approximate, derivatives } of golden.geluDerivatives) {
    checkThree((x) => gelu(x, { approximate }), x, derivatives);
  }
});
