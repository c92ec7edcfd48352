import { lossOf, type ModelParams } from "../../examples/char-transformer/model.ts";
import { type Tensor, tensor } from "../../mod.ts";
import type { Case, Prepared } from "../case.ts";
import { TRANSFORMER, transformerTokens, transformerWeights } from "../inputs.ts";
import { trainingStep } from "./training-step.ts";

export const transformerStep: Case = {
  name: "transformer",
  title: "transformer step, Adam",
  sizes: [{ label: "2 layers, d 128, 16 x 64", level: 0, numbers: {} }],
  prepare: (_, device) => prepareTransformer(device),
};

/** What a call costs before it returns, where a device works on its own. */
export const transformerCall: Case = {
  ...transformerStep,
  name: "transformer-call",
  title: "CPU time of a call of the transformer step, on a GPU",
  timesCalls: true,
};

/** The model of the demo, one step of Adam. */
export function prepareTransformer(device: string): Promise<Prepared> {
  const { batch, context, heads } = TRANSFORMER;
  const params: ModelParams = transformerWeights((values, shape) =>
    tensor(values, { shape, device })
  );
  const tokens = tensor(transformerTokens(), { shape: [batch, context + 1], device });
  const loss = (p: ModelParams, t: Tensor) => lossOf(p, t, heads);
  return trainingStep(loss, params, tokens);
}
