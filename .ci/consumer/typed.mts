import { applyUpdates, grad, s3, type Tensor, tensor } from "softstep";

const tx = s3({ learningRate: 0.01 });
const params = { w: tensor([1, -2, 0]), layers: [{ b: tensor(0) }] };
const loss = (p: typeof params): Tensor => p.w.mul(p.w).sum();
const [updates, state] = tx.update(grad(loss)(params), tx.init(params), params);
const next: { w: Tensor; layers: { b: Tensor }[] } = applyUpdates(params, updates);
tx.update(grad(loss)(next), state, next);

// @ts-expect-error a learning rate is a number or a schedule
s3({ learningRate: "0.01" });
