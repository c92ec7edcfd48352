import {
  abs,
  adamw,
  add,
  applyUpdates,
  arange,
  categorical,
  expandDims,
  foldIn,
  type GradientTransformation,
  jit,
  key,
  max,
  maximum,
  mul,
  randint,
  s3,
  splitKeys,
  sqrt,
  square,
  squeeze,
  type StateKind,
  type StateOf,
  sum,
  take,
  type Tensor,
  tensor,
  type Tree,
  treeLeaves,
  treeMap,
  valueAndGrad,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import {
  countElements,
  countParameters,
  initModel,
  lossOf,
  type ModelParams,
  type ModelSize,
  predict,
} from "./model.ts";
import type { OptimizerName } from "./optimizers.ts";
import type { RunSettings, Training } from "./run.ts";

const WEIGHT_DECAY = 0.1;
const WARMUP_SHARE = 0.05;
const FINAL_SHARE = 0.1;
const TEMPERATURE = 0.8;

interface Setup {
  readonly size: ModelSize;
  readonly batch: number;
  readonly validationBatches: number;
}

function setupOf(vocabulary: number, quick: boolean): Setup {
  return quick
    ? {
      size: { vocabulary, context: 16, features: 16, heads: 2, blocks: 1 },
      batch: 8,
      validationBatches: 4,
    }
    : {
      size: { vocabulary, context: 64, features: 64, heads: 4, blocks: 2 },
      batch: 16,
      validationBatches: 8,
    };
}

/** The devices that training runs on here, the default first. */
export function devices(): readonly string[] {
  return ["cpu", "gpu"];
}

/** What is trained, in words and in numbers. */
export function describeModel(
  vocabulary: number,
  quick: boolean,
): { description: string; parameters: number } {
  const { size, batch } = setupOf(vocabulary, quick);
  return {
    description:
      `causal transformer, ${size.blocks} ${size.blocks === 1 ? "block" : "blocks"} of ` +
      `${size.features} features and ${size.heads} heads, context ${size.context}, batch ${batch}`,
    parameters: countParameters(size),
  };
}

/** Matrices decay; biases, scales and offsets do not. */
const decays = (params: Tree): Tree<boolean> => treeMap((leaf) => leaf.rank >= 2, params);

/** Prepares one run: the same settings give the same bits. */
export function startTraining(settings: RunSettings): Training {
  const { learningRate, steps, optimizer } = settings;
  const schedule = warmupCosineDecaySchedule({
    initValue: FINAL_SHARE * learningRate,
    peakValue: learningRate,
    warmupSteps: Math.ceil(WARMUP_SHARE * steps),
    decaySteps: steps + 1,
    endValue: FINAL_SHARE * learningRate,
  });
  const common = { learningRate: schedule, weightDecay: WEIGHT_DECAY, mask: decays };
  const betas: Record<Exclude<OptimizerName, "s3">, [number, number]> = {
    "adamw": [0.9, 0.999],
    "adamw-0.95": [0.9, 0.95],
    "adamw-equal": [0.95, 0.95],
  };
  if (optimizer === "s3") return startWith(settings, s3(common));
  const [b1, b2] = betas[optimizer];
  return startWith(settings, adamw({ ...common, b1, b2 }));
}

function startWith<Kind extends StateKind>(
  { corpus, seed, quick, device }: RunSettings,
  optimizer: GradientTransformation<Kind>,
): Training {
  const { size, batch, validationBatches } = setupOf(corpus.vocabulary.length, quick);
  const { context, heads } = size;
  const onDevice = { dtype: "int32", device } as const;
  const [forModel, forBatches, forSample] = splitKeys(key(seed, { device }), 3);
  const trainText = tensor(corpus.train, onDevice);
  const validationText = tensor(corpus.validation, onDevice);

  /** Windows of context + 1 characters from the given places on. */
  const windows = (text: Tensor, starts: Tensor): Tensor =>
    take(text, add(expandDims(starts, 1), arange(context + 1)));

  const trainStep = jit((params: ModelParams, state: StateOf<Kind, ModelParams>, count: Tensor) => {
    const starts = randint(foldIn(forBatches, count), [batch], 0, trainText.size - context);
    const [loss, gradient] = valueAndGrad((params: ModelParams) =>
      lossOf(params, windows(trainText, starts), heads)
    )(params);
    const [updates, nextState] = optimizer.update(gradient, state, params);
    const nextParams = applyUpdates(params, updates);
    return { params: nextParams, state: nextState, loss, ...sizeOfUpdates(updates) };
  }, { donate: [0, 1] });

  const validationLoss = jit((params: ModelParams, starts: Tensor) =>
    lossOf(params, windows(validationText, starts), heads)
  );

  const nextCharacter = jit((params: ModelParams, tokens: Tensor, last: Tensor, key: Tensor) => {
    const logits = take(squeeze(predict(params, tokens, heads), 0), last);
    return categorical(key, mul(logits, 1 / TEMPERATURE));
  });

  let params = initModel(forModel, size);
  let state = optimizer.init(params);
  let count = 0;

  return {
    async step() {
      const result = trainStep(params, state, tensor(count++, onDevice));
      params = result.params;
      state = result.state;
      const [loss, maxUpdate, rmsUpdate] = await Promise.all(
        [result.loss, result.maxUpdate, result.rmsUpdate].map((x) => x.data()),
      );
      return { loss: loss![0]!, maxUpdate: maxUpdate![0]!, rmsUpdate: rmsUpdate![0]! };
    },

    async validationLoss() {
      // The same windows every time, spread over the whole part.
      const count = validationBatches * batch;
      const room = corpus.validation.length - context - 1;
      const starts = Array.from({ length: count }, (_, i) => Math.floor((i * room) / count));
      return (await validationLoss(params, tensor(starts, onDevice)).data())[0]!;
    },

    async sample(characters) {
      const newline = corpus.vocabulary.indexOf("\n");
      const text = [Math.max(0, newline)];
      for (let i = 0; i < characters; i++) {
        const seen = text.slice(-context);
        const tokens = Int32Array.from({ length: context }, (_, place) => seen[place] ?? 0);
        const next = nextCharacter(
          params,
          tensor(tokens, { ...onDevice, shape: [1, context] }),
          tensor(seen.length - 1, onDevice),
          foldIn(forSample, i),
        );
        text.push((await next.data())[0]!);
      }
      return corpus.decode(text.slice(1));
    },
  };
}

/** How far the parameters move: the largest distance, and the root of the mean square. */
function sizeOfUpdates(updates: ModelParams): { maxUpdate: Tensor; rmsUpdate: Tensor } {
  const leaves = treeLeaves(updates);
  const maxUpdate = leaves.map((u) => max(abs(u))).reduce((a, b) => maximum(a, b));
  const total = leaves.map((u) => sum(square(u))).reduce((a, b) => add(a, b));
  return { maxUpdate, rmsUpdate: sqrt(mul(total, 1 / countElements(updates))) };
}
