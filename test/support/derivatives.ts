import { jvp, type Tensor, tensor, vjp } from "../../mod.ts";
import { assertClose, elementsOf, uniformTensor } from "./tensors.ts";

const tolerance = 1e-7;

type TensorFunction = (...inputs: Tensor[]) => Tensor;

const step = 1e-3;

/** The derivative along a direction by central differences of fourth order. */
export function numericalTangent(
  f: (inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  tangents: readonly Tensor[],
): number[] {
  const at = (distance: number) =>
    elementsOf(f(inputs.map((x, i) => shifted(x, tangents[i]!, distance))));
  const [far, near, nearBack, farBack] = [at(2 * step), at(step), at(-step), at(-2 * step)];
  return near.map((_, i) =>
    (8 * (near[i]! - nearBack[i]!) - (far[i]! - farBack[i]!)) / (12 * step)
  );
}

function shifted(x: Tensor, tangent: Tensor, distance: number): Tensor {
  const direction = elementsOf(tangent);
  const moved = elementsOf(x).map((value, i) => value + distance * direction[i]!);
  return tensor(moved, { shape: x.shape, dtype: x.dtype });
}

/** The sum of products. */
export function inner(a: readonly Tensor[], b: readonly Tensor[]): number {
  let sum = 0;
  a.forEach((x, k) => {
    const [left, right] = [elementsOf(x), elementsOf(b[k]!)];
    left.forEach((value, i) => sum += value * right[i]!);
  });
  return sum;
}

/**
 * Holds jvp against differences, vjp against jvp, and (where the function is smooth) the derivative of the
 * pullback against its differences. All inputs are float64.
 */
export function checkDerivatives(
  f: TensorFunction,
  inputs: readonly Tensor[],
  seed: number,
  { secondOrder = true }: { readonly secondOrder?: boolean } = {},
): void {
  const tangents = inputs.map((x, i) => uniformTensor(x.shape, seed + i));
  const [value, tangent] = jvp(f, [...inputs], tangents);
  const numerical = numericalTangent((moved) => f(...moved), inputs, tangents);
  assertClose(elementsOf(tangent), numerical, tolerance, "jvp against differences");

  const cotangent = uniformTensor(value.shape, seed + 100);
  const [sameValue, pullback] = vjp(f, ...inputs);
  assertClose(elementsOf(sameValue), elementsOf(value), 0, "value of vjp");
  const forth = inner([cotangent], [tangent]);
  const back = inner(pullback(cotangent), tangents);
  assertClose([back], [forth], tolerance, "vjp against jvp");

  if (!secondOrder) return;
  const gradients = (...moved: Tensor[]) => vjp(f, ...moved)[1](cotangent);
  const [, derivatives] = jvp(gradients, [...inputs], tangents);
  inputs.forEach((_, i) => {
    const differences = numericalTangent((moved) => gradients(...moved)[i]!, inputs, tangents);
    assertClose(
      elementsOf(derivatives[i]!),
      differences,
      tolerance * 10,
      `second order, operand ${i}`,
    );
  });
}
