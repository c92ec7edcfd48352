// A valid call of every public function, and what else than its arguments it takes.
import {
  initLayerNorm,
  initLinear,
  jit,
  key,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  scaleByS3,
  type Tensor,
  tensor,
  zeros,
} from "../../mod.ts";

/** A kind of value that most arguments are not. */
export type Kind =
  | "undefined"
  | "null"
  | "3"
  | "NaN"
  | "true"
  | '"x"'
  | "3n"
  | "Symbol"
  | "{}"
  | "[]"
  | "Promise"
  | "function";

/** A value of each kind. */
export const kinds: Readonly<Record<Kind, unknown>> = {
  undefined: undefined,
  null: null,
  "3": 3,
  NaN: NaN,
  true: true,
  '"x"': "x",
  "3n": 3n,
  Symbol: Symbol("s"),
  "{}": {},
  "[]": [],
  Promise: Promise.resolve(1),
  function: () => tensor(1),
};

/** How a function is called as it should be. */
export interface PublicCall {
  /** Its arguments without options; those that may be left out are there too. */
  readonly args: readonly unknown[];
  /** The first argument that may be left out. */
  readonly optional?: number;
  /** What each argument may be besides; the reasons stand beside the lists. */
  readonly accepts?: Readonly<Record<number, readonly Kind[]>>;
  /** Its options, each with a valid value; they are the last argument. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The options that may not be left out. */
  readonly required?: readonly string[];
  /** What each option may be besides. */
  readonly acceptsOption?: Readonly<Record<string, readonly Kind[]>>;
  /** Calls of what it makes: of the result itself (""), or of methods of it. */
  readonly made?: Readonly<Record<string, PublicCall>>;
  /** The function that errors name, where it is another. */
  readonly names?: string;
  /** Functions that it is made of, and whose errors name them. */
  readonly links?: readonly string[];
}

/** A number stands for a scalar tensor. */
const numbers: readonly Kind[] = ["3", "NaN"];
/** A tree without leaves. */
const noLeaves: readonly Kind[] = ["undefined", "null", "{}", "[]"];
/** `jit` compiles for the value of what is no tensor. */
const fixed: readonly Kind[] = [...noLeaves, "3", "NaN", "true", '"x"', "3n", "function"];
/** No axes, no extents, no elements. */
const none: readonly Kind[] = ["[]"];
const whole: readonly Kind[] = ["3"];
const functions: readonly Kind[] = ["function"];
const all = Object.keys(kinds) as Kind[];

const x: Tensor = tensor([[1, 2], [3, 4]]);
const v = tensor([1, 2]);
const flags = tensor([true, false]);
const indices = tensor([0, 1], { dtype: "int32" });
const image = zeros([1, 4, 4, 2]);
const seed = key(0);
const loss = (): Tensor => tensor(1);

const one: PublicCall = { args: [x], accepts: { 0: numbers } };
const oneTensor: PublicCall = { args: [x] };
const two: PublicCall = { args: [x, x], accepts: { 0: numbers, 1: numbers } };
const creation = { dtype: "float32", device: "cpu" };
const made: PublicCall = { args: [[2]], accepts: { 0: none }, options: creation };
const reduction: PublicCall = {
  args: [x],
  options: { axis: 0, keepDims: true },
  acceptsOption: { axis: none },
};
const alongAxis: PublicCall = { args: [x, 0], optional: 1 };
const convolution: PublicCall = {
  args: [image, zeros([2, 2, 2, 3])],
  options: { stride: 1, padding: "valid", dilation: 1, groups: 1 },
  acceptsOption: { stride: whole, dilation: whole, padding: whole },
};
const draw: PublicCall = { args: [seed, [2]], accepts: { 1: none } };
const differentiates: PublicCall = {
  args: [loss],
  accepts: { 0: functions },
  options: { argnums: 0, hasAux: false },
  acceptsOption: { argnums: whole },
  made: { "": { args: [x], accepts: { 0: noLeaves } } },
};

const params = { w: x };
/** The calls of a transformation; one that has no state looks at none. */
const transformation = (
  name: string,
  state?: unknown,
  updates: readonly Kind[] = [],
): Readonly<Record<string, PublicCall>> => ({
  init: {
    args: [params],
    accepts: { 0: state === undefined ? all : noLeaves },
    names: `${name}.init`,
  },
  update: {
    args: [params, state],
    accepts: { 0: updates, 1: state === undefined ? all : [] },
    names: `${name}.update`,
  },
});
const schedule: Readonly<Record<string, PublicCall>> = {
  "": { args: [0], accepts: { 0: numbers } },
};

const spikes = {
  options: { window: 3, deviations: 7, medianFactor: 2, minimumHistory: 3 },
  acceptsOption: { window: whole, deviations: whole, medianFactor: whole, minimumHistory: whole },
};

const run = {
  name: "s3",
  optimizer: "s3",
  learningRate: 1,
  scale: "base",
  steps: 2,
  losses: [2, 1],
  validation: [{ step: 2, loss: 1 }],
  maxUpdate: [1, 1],
  rmsUpdate: [1, 1],
  seconds: 1,
  status: "complete",
};

/** All public functions. */
export const publicCalls: Readonly<Record<string, PublicCall>> = {
  // Devices
  describeDevice: { args: ["cpu"], optional: 0 },
  device: { args: ["cpu"], options: { required: false } },
  // Leaves that are no tensors stay as they are.
  deviceGet: { args: [x], accepts: { 0: all } },
  deviceNames: { args: [] },
  devicePut: { args: [params, "cpu"], accepts: { 0: [...noLeaves, ...numbers, "true"] } },
  memoryStatistics: { args: ["cpu"], optional: 0 },
  scope: { args: [loss], accepts: { 0: functions } },

  // Creation
  arange: { args: [4], accepts: { 0: whole }, options: creation },
  full: {
    args: [[2], 1],
    accepts: { 0: none, 1: numbers },
    options: creation,
  },
  ones: made,
  onesLike: { args: [x], options: { dtype: "int32" } },
  tensor: {
    args: [[1, 2]],
    // Not enough for the shape among the options.
    options: { ...creation, shape: [2] },
  },
  zeros: made,
  zerosLike: { args: [x], options: { dtype: "int32" } },

  // Arithmetic, elementary functions, comparison
  ...Object.fromEntries(
    ["abs", "cbrt", "ceil", "cos", "erf", "erfInv", "exp", "expm1", "floor", "isFinite", "isNaN"]
      .concat(["log", "log1p", "neg", "round", "sign", "sin", "sqrt", "square", "tanh"])
      .concat(["relu", "sigmoid", "silu"])
      .map((name) => [name, one]),
  ),
  ...Object.fromEntries(
    ["add", "div", "equal", "greater", "greaterEqual", "less", "lessEqual", "maximum", "minimum"]
      .concat(["mul", "notEqual", "pow", "remainder", "sub"]).map((name) => [name, two]),
  ),
  clip: { args: [x, 0, 5], accepts: { 0: numbers, 1: whole, 2: whole } },
  gelu: { ...one, options: { approximate: true } },
  logicalAnd: { args: [flags, flags] },
  logicalNot: { args: [flags] },
  logicalOr: { args: [flags, flags] },
  where: { args: [flags, v, v], accepts: { 1: numbers, 2: numbers } },

  // Reductions
  ...Object.fromEntries(
    ["all", "any", "logSumExp", "max", "mean", "min", "sum", "variance"]
      .map((name) => [name, reduction]),
  ),
  argMax: alongAxis,
  argMin: alongAxis,
  cumSum: alongAxis,
  logSoftmax: alongAxis,
  softmax: alongAxis,

  // Shaping and indexing
  broadcastTo: { args: [v, [2, 2]] },
  cast: { args: [x, "int32"] },
  concat: { args: [[x, x], 0], optional: 1 },
  expandDims: { args: [x, 0], accepts: { 1: none } },
  flip: { args: [x, 0], optional: 1, accepts: { 1: none } },
  oneHot: { args: [indices, 2, "float32"], optional: 2, accepts: { 1: whole } },
  reshape: { args: [x, [4]] },
  slice: { args: [x, [0], [1], [1]], optional: 2, accepts: { 1: none, 2: none, 3: none } },
  squeeze: { args: [zeros([1, 2]), 0], optional: 1, accepts: { 1: none } },
  stack: { args: [[x, x], 0], optional: 1 },
  stopGradient: oneTensor,
  take: { args: [x, indices, 0], optional: 2 },
  transpose: { args: [x, [1, 0]], optional: 1 },

  // Products
  conv: convolution,
  conv2d: convolution,
  matmul: { args: [x, x] },
  outer: { args: [v, v] },

  // Random numbers
  bernoulli: { args: [seed, [2], 0.5], optional: 2, accepts: { 1: none } },
  categorical: { args: [seed, x, [2]], optional: 2 },
  foldIn: { args: [seed, 1], accepts: { 1: whole } },
  gumbel: { ...draw, options: { dtype: "float32" } },
  key: { args: [0], accepts: { 0: whole }, options: { device: "cpu" } },
  normal: { ...draw, options: { dtype: "float32" } },
  randint: { args: [seed, [2], 0, 9], accepts: { 1: none, 2: whole, 3: whole } },
  randomBits: draw,
  split: { args: [seed, 2], optional: 1, accepts: { 1: whole } },
  splitKeys: { args: [seed, 2], accepts: { 1: whole } },
  uniform: {
    ...draw,
    options: { low: 0, high: 5, dtype: "float32" },
    acceptsOption: { low: whole, high: whole },
  },

  // Kernels of the user's
  customKernel: {
    args: [function (a: number) {
      return a;
    }],
    options: {
      inputs: [{ rank: 0 }],
      output: [],
      constants: {},
      name: "same",
      // Only kernels without inputs take one.
      device: undefined,
      backward: () => [null],
    },
    required: ["inputs", "output"],
    acceptsOption: {
      constants: ["{}"],
      name: ['"x"'],
      output: [...none, ...functions],
      backward: functions,
    },
    made: { "": { args: [1], accepts: { 0: numbers } } },
  },

  // Transformations of functions
  customVjp: {
    args: [loss],
    accepts: { 0: functions },
    options: { forward: () => [tensor(1), null], backward: () => [] },
    required: ["forward", "backward"],
    acceptsOption: { forward: functions, backward: functions },
    made: { "": { args: [x], accepts: { 0: noLeaves } } },
  },
  explain: { args: [jit(loss), x], accepts: { 1: fixed } },
  grad: differentiates,
  jit: {
    args: [loss],
    accepts: { 0: functions },
    options: { donate: [] },
    acceptsOption: { donate: none },
    made: { "": { args: [zeros([2])], accepts: { 0: fixed } } },
  },
  jvp: { args: [loss, [x], [x]], accepts: { 0: functions } },
  makeGraph: {
    args: [loss],
    accepts: { 0: functions },
    made: { "": { args: [x], accepts: { 0: fixed } } },
  },
  profile: { args: [jit(loss), x], accepts: { 1: fixed } },
  valueAndGrad: differentiates,
  vjp: { args: [loss, x], accepts: { 0: functions, 1: noLeaves } },
  vmap: {
    args: [loss],
    accepts: { 0: functions },
    options: { inAxes: 0, outAxes: 0 },
    acceptsOption: { inAxes: ["3", "[]"], outAxes: whole },
    made: { "": { args: [x] } },
  },

  // Trees
  treeLeaves: { args: [params], accepts: { 0: noLeaves } },
  treeMap: { args: [(leaf: Tensor) => leaf, params], accepts: { 0: functions, 1: noLeaves } },
  treePaths: { args: [params], accepts: { 0: noLeaves } },

  // Gradient transformations and optimizers
  adam: {
    args: [],
    options: { learningRate: 1, b1: 0.5, b2: 0.5, eps: 1, epsRoot: 0, nesterov: true },
    required: ["learningRate"],
    acceptsOption: {
      learningRate: ["3", "function"],
      eps: whole,
      epsRoot: whole,
      nesterov: ["true"],
    },
  },
  adamw: {
    args: [],
    options: {
      learningRate: 1,
      weightDecay: 1,
      mask: undefined,
      b1: 0.5,
      b2: 0.5,
      eps: 1,
      epsRoot: 0,
      nesterov: true,
    },
    required: ["learningRate"],
    // A mask is read when there are parameters to hold it against.
    acceptsOption: {
      learningRate: ["3", "function"],
      weightDecay: whole,
      mask: all,
      eps: whole,
      epsRoot: whole,
    },
  },
  addDecayedWeights: {
    args: [1],
    accepts: { 0: whole },
    options: { mask: undefined },
    acceptsOption: { mask: all },
  },
  applyUpdates: { args: [params, params], accepts: {} },
  chain: { args: [scale(1)] },
  clipByGlobalNorm: {
    args: [1],
    accepts: { 0: whole },
    made: transformation("clipByGlobalNorm"),
  },
  globalNorm: { args: [params] },
  identity: { args: [] },
  s3: {
    args: [],
    options: {
      learningRate: 1,
      weightDecay: 1,
      mask: undefined,
      b: 0.5,
      p: 3,
      nesterov: true,
      stateDtype: "float32",
    },
    required: ["learningRate"],
    acceptsOption: {
      learningRate: ["3", "function"],
      weightDecay: whole,
      mask: all,
      p: whole,
    },
  },
  scale: { args: [1], accepts: { 0: whole }, made: transformation("scale", undefined, noLeaves) },
  scaleByAdam: {
    args: [],
    options: { b1: 0.5, b2: 0.5, eps: 1, epsRoot: 0, nesterov: true },
    acceptsOption: { eps: whole, epsRoot: whole },
    made: transformation("scaleByAdam", scaleByAdam().init(params)),
  },
  scaleByLearningRate: {
    args: [1],
    accepts: { 0: ["3", "function"] },
    made: transformation("scaleByLearningRate", scaleByLearningRate(1).init(params), noLeaves),
  },
  scaleByS3: {
    args: [],
    options: { b: 0.5, p: 3, nesterov: true, stateDtype: "float32" },
    acceptsOption: { p: whole },
    made: transformation("scaleByS3", scaleByS3().init(params)),
  },
  scaleBySchedule: { args: [loss], accepts: { 0: functions } },
  scaleBySign: { args: [], made: transformation("scaleBySign", undefined, noLeaves) },
  sgd: {
    args: [],
    options: { learningRate: 1, momentum: 0.5, nesterov: true },
    required: ["learningRate"],
    acceptsOption: { learningRate: ["3", "function"] },
  },
  signSgd: {
    args: [],
    options: { learningRate: 1 },
    required: ["learningRate"],
    acceptsOption: { learningRate: ["3", "function"] },
  },
  trace: {
    args: [],
    options: { decay: 0.5, nesterov: true },
    required: ["decay"],
    made: transformation("trace", { trace: params }),
  },

  // Schedules
  constantSchedule: { args: [1], accepts: { 0: whole }, made: schedule },
  cosineDecaySchedule: {
    args: [],
    options: { initValue: 1, decaySteps: 4, alpha: 0, exponent: 1 },
    required: ["initValue", "decaySteps"],
    acceptsOption: { initValue: whole, decaySteps: whole, alpha: whole, exponent: whole },
    made: schedule,
  },
  linearSchedule: {
    args: [],
    options: { initValue: 1, endValue: 0, transitionSteps: 4 },
    required: ["initValue", "endValue", "transitionSteps"],
    acceptsOption: { initValue: whole, endValue: whole, transitionSteps: whole },
    made: schedule,
  },
  warmupCosineDecaySchedule: {
    args: [],
    options: {
      initValue: 0,
      peakValue: 1,
      warmupSteps: 2,
      decaySteps: 9,
      endValue: 0,
      exponent: 1,
    },
    required: ["initValue", "peakValue", "warmupSteps", "decaySteps"],
    acceptsOption: {
      initValue: whole,
      peakValue: whole,
      warmupSteps: whole,
      decaySteps: whole,
      endValue: whole,
      exponent: whole,
    },
    made: schedule,
  },

  // Layers and losses
  attention: { args: [x, x, x], options: { causal: true } },
  initLayerNorm: { args: [2], accepts: { 0: whole }, options: { device: "cpu" } },
  initLinear: {
    args: [seed, 2, 2],
    accepts: { 1: whole, 2: whole },
    options: { scale: 1 },
    acceptsOption: { scale: whole },
  },
  layerNorm: {
    args: [initLayerNorm(2), x],
    options: { eps: 1e-5 },
    acceptsOption: { eps: whole },
  },
  linear: { args: [initLinear(seed, 2, 2), x] },
  softmaxCrossEntropy: { args: [x, x] },
  softmaxCrossEntropyWithIntegerLabels: { args: [x, indices] },

  // Training
  detectSpikes: { args: [[1, 2, 3]], accepts: { 0: none }, ...spikes },
  formatCount: { args: [1], accepts: { 0: numbers } },
  formatDuration: { args: [1], accepts: { 0: numbers } },
  formatNumber: { args: [1, 4], optional: 1, accepts: { 0: numbers, 1: whole } },
  formatProgress: {
    args: [],
    options: {
      label: "s3",
      step: 1,
      steps: 3,
      loss: 1,
      stepsPerSecond: 1,
      secondsLeft: 1,
      width: 80,
      ascii: true,
    },
    required: ["label", "step", "steps", "loss", "stepsPerSecond", "secondsLeft", "width"],
    acceptsOption: {
      label: ['"x"'],
      step: whole,
      steps: whole,
      loss: numbers,
      stepsPerSecond: numbers,
      secondsLeft: numbers,
      width: whole,
    },
  },
  formatTable: { args: [["run"], [["s3"]]], accepts: { 1: none } },
  renderReport: {
    args: [{
      title: "A run",
      text: { name: "text", characters: 9, vocabulary: 3 },
      model: { description: "model", parameters: 1 },
      options: {},
      runtime: "a runtime",
      runs: [run],
    }],
  },
  summarise: { args: [run], ...spikes },
};
