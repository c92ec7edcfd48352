/**
 * Functional tensors, automatic differentiation and gradient transformations.
 *
 * @module
 */
import "./backends/register.ts";
import "./src/ops/methods.ts";

// Tensors
export {
  type NestedArray,
  type ReduceOptions,
  Tensor,
  type TensorLike,
  type TensorMethods,
} from "./src/tensor/tensor.ts";
export type { MemoryStatistics } from "./src/backend/backend.ts";
export { type DeviceName, deviceNames, type GpuOptions } from "./src/backend/registry.ts";
export * from "./src/tracing/device.ts";
export * from "./src/tracing/scope.ts";
export * from "./src/ops/transfer.ts";
export { describeDevice, memoryStatistics } from "./src/tracing/device-information.ts";
export type { DType, TypedArray } from "./src/core/dtype.ts";
export type { Shape, TensorSpec } from "./src/core/shape.ts";
export * from "./src/core/errors.ts";
export * from "./src/ops/creation.ts";
export * from "./src/ops/arithmetic.ts";
export * from "./src/ops/elementary.ts";
export * from "./src/ops/comparison.ts";
export * from "./src/ops/logical.ts";
export * from "./src/ops/reductions.ts";
export * from "./src/ops/shaping.ts";
export * from "./src/ops/indexing.ts";
export * from "./src/ops/linear-algebra.ts";
export * from "./src/ops/convolution.ts";
export * from "./src/ops/random.ts";
export { erfInv } from "./src/ops/erf-inv.ts";
export * from "./src/ops/custom-kernel.ts";
export type { KernelPosition, KernelThis } from "./src/graph/dialect/functions.ts";

export * from "./src/transforms/grad.ts";
export { vjp } from "./src/transforms/vjp.ts";
export * from "./src/transforms/jvp.ts";
export * from "./src/transforms/vmap.ts";
export * from "./src/transforms/custom-vjp.ts";
export type { Cotangent } from "./src/tracing/cotangents.ts";
export * from "./src/transforms/jit.ts";
export { explain } from "./src/transforms/explain.ts";
export { profile } from "./src/transforms/profile.ts";
export type { Explanation, KernelExplanation } from "./src/transforms/explanation.ts";
export * from "./src/transforms/make-graph.ts";
export { treeLeaves, treeMap, treePaths } from "./src/tree/tree-map.ts";

// Gradient transformations and optimizers
export * from "./src/optim/transformation.ts";
export * from "./src/optim/chain.ts";
export { identity } from "./src/optim/identity.ts";
export { scale } from "./src/optim/scale.ts";
export * from "./src/optim/scale-by-s3.ts";
export * from "./src/optim/s3.ts";
export type { DecoupledDecayOptions, OptimizerKind } from "./src/optim/decoupled-decay.ts";
export * from "./src/optim/scale-by-adam.ts";
export * from "./src/optim/adam.ts";
export * from "./src/optim/adamw.ts";
export * from "./src/optim/trace.ts";
export * from "./src/optim/sgd.ts";
export * from "./src/optim/sign-sgd.ts";
export {
  type CountKind,
  type CountState,
  type LearningRate,
  scaleByLearningRate,
  scaleBySchedule,
} from "./src/optim/scale-by-schedule.ts";
export { addDecayedWeights, type Mask } from "./src/optim/add-decayed-weights.ts";
export { clipByGlobalNorm } from "./src/optim/clip-by-global-norm.ts";
export { globalNorm } from "./src/optim/global-norm.ts";
export { applyUpdates } from "./src/optim/apply-updates.ts";
export type { Schedule } from "./src/optim/schedules/schedule.ts";
export { constantSchedule } from "./src/optim/schedules/constant.ts";
export * from "./src/optim/schedules/cosine-decay.ts";
export * from "./src/optim/schedules/linear.ts";
export * from "./src/optim/schedules/warmup-cosine-decay.ts";
export type { MapLeaves, Tree } from "./src/tree/tree.ts";
export type { Graph, Instruction, Literal, Operand, Value } from "./src/graph/graph.ts";
export type { None, PrimitiveName, PrimitiveParams } from "./src/graph/instruction-set.ts";

// Layers and losses
export * from "./src/nn/activations.ts";
export * from "./src/nn/attention.ts";
export * from "./src/nn/layer-norm.ts";
export * from "./src/nn/linear.ts";
export * from "./src/optim/losses/softmax-cross-entropy.ts";

// Training
export * from "./src/train/spikes.ts";
export type { RunRecord } from "./src/train/run-record.ts";
export { formatCount, formatDuration, formatNumber } from "./src/train/number-format.ts";
export * from "./src/train/progress.ts";
export * from "./src/train/table.ts";
export * from "./src/train/summary.ts";
export * from "./src/train/report.ts";
