/**
 * The primitives as functions, for derivative and batching rules and for the operations. They take what the
 * instruction set says: no promotion, and broadcasting only where it is element-wise.
 */
import type { DType } from "../core/dtype.ts";
import { sameShape, type Shape } from "../core/shape.ts";
import type { ElementwiseName, PrimitiveParams } from "../graph/instruction-set.ts";
import { scalarTensor } from "../tensor/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bind } from "../tracing/bind.ts";
import { defaultDevice, placeOf } from "../tracing/placement.ts";

type NoParams = {
  [Name in ElementwiseName]: keyof PrimitiveParams[Name] extends never ? Name : never;
}[ElementwiseName];

const unary = (name: NoParams) => (x: Tensor): Tensor => bind(name, {}, [x]);
const binary = (name: NoParams) => (a: Tensor, b: Tensor): Tensor => bind(name, {}, [a, b]);

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;

export const neg: Unary = /* @__PURE__ */ unary("neg");
export const abs: Unary = /* @__PURE__ */ unary("abs");
export const sign: Unary = /* @__PURE__ */ unary("sign");
export const floor: Unary = /* @__PURE__ */ unary("floor");
export const ceil: Unary = /* @__PURE__ */ unary("ceil");
export const round: Unary = /* @__PURE__ */ unary("round");
export const sqrt: Unary = /* @__PURE__ */ unary("sqrt");
export const cbrt: Unary = /* @__PURE__ */ unary("cbrt");
export const rcbrt: Unary = /* @__PURE__ */ unary("rcbrt");
export const exp: Unary = /* @__PURE__ */ unary("exp");
export const expm1: Unary = /* @__PURE__ */ unary("expm1");
export const log: Unary = /* @__PURE__ */ unary("log");
export const log1p: Unary = /* @__PURE__ */ unary("log1p");
export const sin: Unary = /* @__PURE__ */ unary("sin");
export const cos: Unary = /* @__PURE__ */ unary("cos");
export const tanh: Unary = /* @__PURE__ */ unary("tanh");
export const logistic: Unary = /* @__PURE__ */ unary("logistic");
export const erf: Unary = /* @__PURE__ */ unary("erf");
export const isFinite: Unary = /* @__PURE__ */ unary("isFinite");
export const not: Unary = /* @__PURE__ */ unary("not");
export const stopGradient: Unary = /* @__PURE__ */ unary("stopGradient");

export const add: Binary = /* @__PURE__ */ binary("add");
export const sub: Binary = /* @__PURE__ */ binary("sub");
export const mul: Binary = /* @__PURE__ */ binary("mul");
export const div: Binary = /* @__PURE__ */ binary("div");
export const rem: Binary = /* @__PURE__ */ binary("rem");
export const pow: Binary = /* @__PURE__ */ binary("pow");
export const max: Binary = /* @__PURE__ */ binary("max");
export const min: Binary = /* @__PURE__ */ binary("min");
export const equal: Binary = /* @__PURE__ */ binary("equal");
export const less: Binary = /* @__PURE__ */ binary("less");
export const lessEqual: Binary = /* @__PURE__ */ binary("lessEqual");
export const and: Binary = /* @__PURE__ */ binary("and");
export const or: Binary = /* @__PURE__ */ binary("or");
export const xor: Binary = /* @__PURE__ */ binary("xor");
export const shiftLeft: Binary = /* @__PURE__ */ binary("shiftLeft");
export const shiftRight: Binary = /* @__PURE__ */ binary("shiftRight");

export const select = (condition: Tensor, a: Tensor, b: Tensor): Tensor =>
  bind("select", {}, [condition, a, b]);

/** The operand itself where it has the dtype already. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : bind("cast", { dtype }, [x]);

export const bitcast = (x: Tensor, dtype: DType): Tensor => bind("bitcast", { dtype }, [x]);

/** The operand itself where it has the shape already. */
export const reshape = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : bind("reshape", { shape }, [x]);

/** The operand itself where nothing moves. */
export const transpose = (x: Tensor, permutation: readonly number[]): Tensor =>
  permutation.every((from, to) => from === to) ? x : bind("transpose", { permutation }, [x]);

export const broadcast = (x: Tensor, shape: Shape, axes: readonly number[]): Tensor =>
  sameShape(x.shape, shape) ? x : bind("broadcast", { shape, axes }, [x]);

/** Broadcasts by NumPy's rules: axes are aligned at the end. */
export const broadcastTo = (x: Tensor, shape: Shape): Tensor =>
  broadcast(x, shape, x.shape.map((_, axis) => axis + shape.length - x.rank));

export const slice = (
  x: Tensor,
  start: readonly number[],
  limit: readonly number[],
  stride: readonly number[] = start.map(() => 1),
): Tensor => bind("slice", { start, limit, stride }, [x]);

export const pad = (
  x: Tensor,
  low: readonly number[],
  high: readonly number[],
  inner: readonly number[] = low.map(() => 0),
): Tensor => bind("pad", { low, high, inner }, [x]);

export const concat = (tensors: readonly Tensor[], axis: number): Tensor =>
  bind("concat", { axis }, tensors);

export const flip = (x: Tensor, axes: readonly number[]): Tensor => bind("flip", { axes }, [x]);

export const gather = (x: Tensor, indices: Tensor, axis: number): Tensor =>
  bind("gather", { axis }, [x, indices]);

export const scatterAdd = (
  updates: Tensor,
  indices: Tensor,
  axis: number,
  extent: number,
): Tensor => bind("scatterAdd", { axis, extent }, [updates, indices]);

/** The operand itself where there is no axis to sum over. */
export const reduceSum = (x: Tensor, axes: readonly number[]): Tensor =>
  axes.length === 0 ? x : bind("reduceSum", { axes }, [x]);

export const reduceMax = (x: Tensor, axes: readonly number[]): Tensor =>
  bind("reduceMax", { axes }, [x]);

export const reduceMin = (x: Tensor, axes: readonly number[]): Tensor =>
  bind("reduceMin", { axes }, [x]);

export const argMax = (x: Tensor, axis: number): Tensor => bind("argMax", { axis }, [x]);

export const cumSum = (x: Tensor, axis: number, reverse: boolean): Tensor =>
  bind("cumSum", { axis, reverse }, [x]);

export const dot = (a: Tensor, b: Tensor, params: PrimitiveParams["dot"]): Tensor =>
  bind("dot", params, [a, b]);

export const conv = (x: Tensor, w: Tensor, params: PrimitiveParams["conv"]): Tensor =>
  bind("conv", params, [x, w]);

/** On the device of another tensor. */
export const iota = (shape: Shape, dtype: DType, axis: number, like: Tensor): Tensor =>
  bind("iota", { shape, dtype, axis }, [], placeOf(like));

/** With the shape, dtype and device of another tensor. */
export const fullLike = (tensor: Tensor, value: number): Tensor =>
  bind("full", { shape: tensor.shape, dtype: tensor.dtype, value }, [], placeOf(tensor));

export const customKernel = (
  inputs: readonly Tensor[],
  params: PrimitiveParams["customKernel"],
): Tensor => bind("customKernel", params, inputs);

export const threefry2x32 = (key: Tensor, counter: Tensor): Tensor =>
  bind("threefry2x32", {}, [key, counter]);

/** A number in the dtype of the tensor that it meets. */
export const numberLike = (value: number, tensor: Tensor): Tensor =>
  scalarTensor("number", value, tensor.dtype, placeOf(tensor) ?? defaultDevice);
