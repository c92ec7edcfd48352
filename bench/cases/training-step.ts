import { adam, applyUpdates, jit, type Tensor, type Tree, valueAndGrad } from "../../mod.ts";
import type { Prepared } from "../case.ts";

/** One whole step of Adam in place: loss, gradients, update. Its check is the first loss. */
export async function trainingStep<Params extends Tree, Batch>(
  lossOf: (params: Params, batch: Batch) => Tensor,
  initial: Params,
  batch: Batch,
): Promise<Prepared> {
  const optimizer = adam({ learningRate: 1e-3 });
  let params = initial;
  let state = optimizer.init(params);
  let loss: Tensor | undefined;
  const update = jit((p: Params, s: typeof state, b: Batch) => {
    const [loss, gradients] = valueAndGrad(lossOf)(p, b);
    const [updates, next] = optimizer.update(gradients as Params, s, p);
    return [applyUpdates(p, updates), next, loss] as const;
  }, { donate: [0, 1] });
  const step = () => {
    [params, state, loss] = update(params, state, batch);
  };
  step();
  return { step, check: await loss!.number() };
}
