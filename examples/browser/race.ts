import {
  abs,
  add,
  addDecayedWeights,
  applyUpdates,
  arange,
  chain,
  deviceGet,
  expandDims,
  foldIn,
  type GradientTransformation,
  jit,
  key,
  max,
  maximum,
  mul,
  neg,
  randint,
  scaleByAdam,
  scaleByS3,
  splitKeys,
  type StateKind,
  type StateOf,
  take,
  type Tensor,
  tensor,
  type Tree,
  treeLeaves,
  treeMap,
  type TypedArray,
  valueAndGrad,
} from "../../mod.ts";
import type { Corpus } from "../char-transformer/corpus.ts";
import {
  countParameters,
  initModel,
  lossOf,
  type ModelParams,
  type ModelSize,
} from "../char-transformer/model.ts";
import { startWriting } from "./writing.ts";

/** Who takes part. */
export const RACERS = ["s3", "adamw"] as const;
/** One of them. */
export type RacerName = (typeof RACERS)[number];

/** A model that the page offers. */
export type SizeName = "tiny" | "small" | "demo";

/** What the sliders set. */
export interface OptimizerOptions {
  readonly rates: Readonly<Record<RacerName, number>>;
  /** The order of S3's second moment. */
  readonly p: number;
}

/** What a step of one of them gave, and the rate that it was made with. */
export interface RacerStep {
  readonly loss: number;
  /** Of a single parameter. */
  readonly maxUpdate: number;
  readonly rate: number;
}

/** Two models in training: the same first parameters, the same batches, another optimizer. */
export interface Race {
  readonly parameters: number;
  /** Trains both on the next batch. */
  step(): Promise<Record<RacerName, RacerStep>>;
  /** Text that each of them writes; undefined if `goesOn` says no before its end. */
  sample(
    characters: number,
    goesOn: () => Promise<boolean>,
  ): Promise<Record<RacerName, string> | undefined>;
  /** Goes on with other settings; what was learned stays. */
  set(options: OptimizerOptions): void;
}

const WEIGHT_DECAY = 0.1;

const sizes: Readonly<Record<SizeName, Omit<ModelSize, "vocabulary"> & { batch: number }>> = {
  tiny: { context: 16, features: 16, heads: 2, blocks: 1, batch: 8 },
  small: { context: 32, features: 32, heads: 4, blocks: 1, batch: 16 },
  demo: { context: 64, features: 64, heads: 4, blocks: 2, batch: 16 },
};

/** Matrices decay; biases, scales and offsets do not. */
const decays = (params: Tree): Tree<boolean> => treeMap((leaf) => leaf.rank >= 2, params);

/** The direction of an update, without its rate. */
const directionOf = <Kind extends StateKind>(scaleBy: GradientTransformation<Kind>) =>
  chain(scaleBy, addDecayedWeights(WEIGHT_DECAY, { mask: decays }));

/** Gets ready on a device. */
export function startRace(
  corpus: Corpus,
  device: string,
  sizeName: SizeName,
  seed: number,
  options: OptimizerOptions,
): Race {
  const { batch, ...extents } = sizes[sizeName];
  const size = { ...extents, vocabulary: corpus.vocabulary.length };
  const { context, heads } = size;
  const onDevice = { dtype: "int32", device } as const;
  const [forModel, forBatches, forSample] = splitKeys(key(seed, { device }), 3);
  const text = tensor(corpus.train, onDevice);
  const first = initModel(forModel, size);
  const write = startWriting(corpus, size, device, forSample);

  const batchAt = (count: Tensor): Tensor => {
    const starts = randint(foldIn(forBatches, count), [batch], 0, text.size - context);
    return take(text, add(expandDims(starts, 1), arange(context + 1)));
  };

  /** One of the two. Options of the direction may change, as long as the kind of its state does not. */
  function racer<Kind extends StateKind, Option>(
    params: ModelParams,
    directionWith: (option: Option) => GradientTransformation<Kind>,
    first: Option,
  ) {
    const compile = (direction: GradientTransformation<Kind>) =>
      jit((params: ModelParams, state: StateOf<Kind, ModelParams>, count: Tensor, rate: Tensor) => {
        const [loss, gradient] = valueAndGrad((params: ModelParams) =>
          lossOf(params, batchAt(count), heads)
        )(params);
        const [directions, nextState] = direction.update(gradient, state, params);
        const updates = treeMap((u) => mul(u, neg(rate)), directions) as ModelParams;
        const maxUpdate = treeLeaves(updates).map((u) => max(abs(u))).reduce((a, b) =>
          maximum(a, b)
        );
        return { params: applyUpdates(params, updates), state: nextState, loss, maxUpdate };
      }, { donate: [0, 1] });
    // What was compiled once is kept: a slider goes to and fro.
    const compiled = new Map<Option, ReturnType<typeof compile>>();
    const stepWith = (option: Option) => {
      const step = compiled.get(option) ?? compile(directionWith(option));
      compiled.set(option, step);
      return step;
    };

    let state = directionWith(first).init(params);
    return {
      params: () => params,
      step(option: Option, count: Tensor, rate: number): readonly [Tensor, Tensor] {
        const result = stepWith(option)(params, state, count, tensor(rate, { device }));
        ({ params, state } = result);
        return [result.loss, result.maxUpdate];
      },
    };
  }

  let { rates, p } = options;
  // Each has memory of its own, which its steps write over.
  const copy = () => treeMap((leaf) => mul(leaf, 1), first) as ModelParams;
  const s3 = racer(copy(), (p: number) => directionOf(scaleByS3({ p })), p);
  const adamw = racer(copy(), () => directionOf(scaleByAdam()), undefined);
  let count = 0;

  return {
    parameters: countParameters(size),
    async step() {
      const place = tensor(count++, onDevice);
      const used = rates;
      // Read together: on a GPU each wait costs milliseconds.
      const [ours, theirs] = await deviceGet([
        s3.step(p, place, used.s3),
        adamw.step(undefined, place, used.adamw),
      ]);
      const reportOf = ([loss, maxUpdate]: readonly TypedArray[], rate: number): RacerStep => ({
        loss: loss![0]!,
        maxUpdate: maxUpdate![0]!,
        rate,
      });
      return { s3: reportOf(ours!, used.s3), adamw: reportOf(theirs!, used.adamw) };
    },
    async sample(characters, goesOn) {
      const ours = await write(s3.params, characters, goesOn);
      if (ours === undefined) return undefined;
      const theirs = await write(adamw.params, characters, goesOn);
      return theirs === undefined ? undefined : { s3: ours, adamw: theirs };
    },
    set(options) {
      ({ rates, p } = options);
    },
  };
}
