import * as softstep from "../../mod.ts";
import type { NestedArray, Tensor } from "../../mod.ts";
import { readGolden } from "./golden.ts";

/** What a function is called with besides tensors. */
export interface GoldenOptions {
  readonly axis?: number | null;
  readonly eps?: number;
  readonly approximate?: boolean;
  readonly stride?: [number, number];
  readonly padding?: "same" | "valid" | [number, number][];
  readonly dilation?: [number, number];
  readonly groups?: number;
}

/** A function with its arguments, its value, and its pullback of a cotangent. */
export interface GoldenCase {
  readonly function: string;
  readonly args: readonly NestedArray[];
  readonly options: GoldenOptions;
  readonly value: NestedArray;
  readonly cotangent: NestedArray;
  readonly gradients: readonly (NestedArray | null)[];
}

/** test/golden/functions.json. */
export interface GoldenFunctions {
  readonly softmax: readonly GoldenCase[];
  readonly losses: readonly GoldenCase[];
  readonly elementwise: readonly GoldenCase[];
  readonly reductions: readonly GoldenCase[];
  readonly layers: readonly GoldenCase[];
  readonly convolutions: readonly GoldenCase[];
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

/** Values and derivatives from JAX (test/golden/jax_functions.py). */
export const golden: GoldenFunctions = readGolden("functions.json");

/** The parts of the file that hold functions with gradients. */
export const goldenSections = [
  "softmax",
  "losses",
  "elementwise",
  "reductions",
  "layers",
  "convolutions",
] as const;

const {
  abs,
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
  pow,
  relu,
  reshape,
  sigmoid,
  sign,
  silu,
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
const reduceOptions = ({ axis }: GoldenOptions) =>
  axis === null || axis === undefined ? {} : { axis };
type Functions = Readonly<
  Record<string, (inputs: readonly Tensor[], options: GoldenOptions) => Tensor>
>;

/** The functions of the file by their names there. */
export const goldenFunctions: Functions = {
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
  argmax: ([x], { axis }) => cast(argMax(x!, axis!), x!.dtype),
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
