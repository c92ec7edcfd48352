import {
  linear,
  type LinearParams,
  mean,
  relu,
  softmaxCrossEntropyWithIntegerLabels,
  type Tensor,
  tensor,
} from "../../mod.ts";
import type { Case } from "../case.ts";
import { integers, MLP, mlpWeights, uniform } from "../inputs.ts";
import { trainingStep } from "./training-step.ts";

type Params = { hidden: LinearParams; out: LinearParams };
type Batch = { images: Tensor; labels: Tensor };

export const mlpStep: Case = {
  name: "mlp",
  title: "MLP step, Adam",
  sizes: [{ label: "784-256-10, batch 128", level: 0, numbers: {} }],
  prepare(_, device) {
    const { inputs, classes, batch } = MLP;
    const params: Params = mlpWeights((values, shape) => tensor(values, { shape, device }));
    const images = tensor(uniform(50, batch * inputs), { shape: [batch, inputs], device });
    const labels = tensor(integers(51, batch, classes), { device });
    return trainingStep(lossOf, params, { images, labels });
  },
};

function lossOf(params: Params, { images, labels }: Batch): Tensor {
  const logits = linear(params.out, relu(linear(params.hidden, images)));
  return mean(softmaxCrossEntropyWithIntegerLabels(logits, labels));
}
