// Tensors that most functions cannot take, made of good ones.
import { cast, grad, jit, reshape, scope, sum, Tensor, tensor } from "../../mod.ts";
import type { DType } from "../../mod.ts";

function copy(x: Tensor, device?: string): Tensor {
  const { shape, dtype } = x;
  return tensor(x.dataSync(), { shape, dtype, ...(device !== undefined && { device }) });
}

const take = jit((x: Tensor) => reshape(reshape(x, [-1]), x.shape), { donate: [0] });

const inDType = (dtype: DType) => (x: Tensor): Tensor => cast(x, dtype);

/** By what is wrong with them. */
export const unusable: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  donated(x) {
    const given = copy(x);
    take(given);
    return given;
  },
  freed(x) {
    let inside = x;
    scope(() => {
      inside = copy(x);
    });
    return inside;
  },
  leaked(x) {
    let inside = x;
    grad((y: Tensor) => sum(inside = y))(cast(x, "float32"));
    return inside;
  },
  elsewhere: (x) => copy(x, "reference"),
  bool: inDType("bool"),
  int32: inDType("int32"),
  uint32: inDType("uint32"),
  bfloat16: inDType("bfloat16"),
};

/** A value of plain arrays and objects with its first tensor replaced; undefined if there is none. */
export function replaceFirst(value: unknown, replace: (x: Tensor) => Tensor): unknown {
  let isDone = false;
  const visit = (node: unknown): unknown => {
    if (isDone) return node;
    if (node instanceof Tensor) {
      isDone = true;
      return replace(node);
    }
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, visit(child)]));
  };
  const result = visit(value);
  return isDone ? result : undefined;
}
