// What a stranger's project does with the installed package: a few S3 steps, held against s3.md.
const assert = require("node:assert/strict");

module.exports = function steps({ applyUpdates, grad, s3, tensor }) {
  const loss = (params) => params.w.mul(params.w).sum();
  const tx = s3({ learningRate: 0.01 });
  let params = { w: tensor([1, -2, 0]) };
  let state = tx.init(params);
  const trajectory = [params.w.toArray()];
  for (let step = 0; step < 3; step++) {
    const [updates, next] = tx.update(grad(loss)(params), state, params);
    state = next;
    params = applyUpdates(params, updates);
    trajectory.push(params.w.toArray());
  }
  // The first step is lr (1 - b^2)^(1 - 1/p) long for every gradient but zero: b = 0.95, p = 3.
  const first = 0.01 * (1 - 0.95 ** 2) ** (2 / 3);
  const close = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-6, String(actual));
  close(trajectory[1][0], 1 - first);
  close(trajectory[1][1], -2 + first);
  assert.equal(trajectory[3][2], 0);
  assert.ok(trajectory[3][0] < trajectory[2][0] && trajectory[2][0] < trajectory[1][0]);
  assert.ok(trajectory[3][0] > 1 - 0.03);
};
