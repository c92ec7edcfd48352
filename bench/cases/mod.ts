import type { Case } from "../case.ts";
import { affineGelu } from "./affine-gelu.ts";
import { convolution, convolutionGradient } from "./conv.ts";
import { layerNormGradient } from "./layer-norm.ts";
import { matrixProduct } from "./matmul.ts";
import { mlpStep } from "./mlp-step.ts";
import { optimizerSteps } from "./optimizer-step.ts";
import { softmaxGradient } from "./softmax.ts";
import { transformerCall, transformerStep } from "./transformer-step.ts";

export { freshCases } from "./fresh.ts";

export const cases: Case[] = [
  ...optimizerSteps,
  affineGelu,
  softmaxGradient,
  layerNormGradient,
  matrixProduct,
  convolution,
  convolutionGradient,
  mlpStep,
  transformerStep,
  transformerCall,
];
