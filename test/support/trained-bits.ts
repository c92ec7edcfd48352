/** Training runs whose bits are the same everywhere. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  type GradientTransformation,
  s3,
  type StateKind,
  treeLeaves,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { trainer, transformer } from "./training.ts";

const learningRate = warmupCosineDecaySchedule({
  initValue: 0,
  peakValue: 0.01,
  warmupSteps: 5,
  decaySteps: 50,
});
const s3Optimizer = chain(clipByGlobalNorm(1), s3({ learningRate, weightDecay: 0.01 }));
const adamwOptimizer = adamw({ learningRate, weightDecay: 0.01 });

/** What a run gave. */
export interface TrainedBits {
  readonly losses: readonly number[];
  /** Of all parameters, in the order of the tree's leaves. */
  readonly bits: Uint8Array<ArrayBuffer>;
}

/** A run on a device, and the start of the SHA-256 of its bits. */
export interface BitsCase {
  readonly run: (device: string) => TrainedBits;
  readonly expected: string;
}

/** A digest changes with whatever changes the order or the rounding of arithmetic: kernels, fusion, optimizers, models. */
export const bitsCases: Readonly<Record<"S3" | "AdamW", BitsCase>> = {
  S3: { run: (device) => train(device, s3Optimizer), expected: "735eb0d68e5c22ab" },
  AdamW: { run: (device) => train(device, adamwOptimizer), expected: "1524a321c0c3bdf8" },
};

function train<Kind extends StateKind>(
  device: string,
  optimizer: GradientTransformation<Kind>,
): TrainedBits {
  const { step, params } = trainer(transformer(device), optimizer);
  const losses = Array.from({ length: 50 }, () => step().item());
  const leaves = treeLeaves(params()).map((leaf) => leaf.dataSync());
  const bits = new Uint8Array(leaves.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of leaves) {
    bits.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return { losses, bits };
}
