import { type DType, isFloating } from "../core/dtype.ts";
import { DTypeError, OptionError, ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { formatShape, formatSpec, sameShape } from "../core/shape.ts";
import { zerosLike } from "../ops/creation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkSameStructure, flattenTensors, unflatten } from "../tree/tree.ts";

/**
 * Walks several trees of one structure and equal shapes together. `f` gives a list of `results` tensors for
 * each place; they come back as that many trees. The first of the named trees sets the structure.
 *
 * Shapes are compared because element-wise operations would broadcast what is only a mistake. Trees of a state, which
 * are named "state.m" and the like, have to be floating as `zeroState` makes them: others were read back wrongly.
 */
export function mapTogether(
  functionName: string,
  results: number,
  trees: Readonly<Record<string, unknown>>,
  f: (...leaves: Tensor[]) => readonly Tensor[],
): unknown[] {
  const named = Object.entries(trees).map(([name, tree]) => ({
    name,
    ...flattenTensors(functionName, tree, name),
  }));
  const [first, ...rest] = named;
  for (const other of rest) {
    checkSameStructure(functionName, first!.structure, other.structure, first!.name, other.name);
    other.leaves.forEach((leaf, i) => {
      const expected = first!.leaves[i]!;
      if (other.name.startsWith("state.") && !isFloating(leaf.dtype)) {
        throw new DTypeError(
          functionName,
          `${other.paths[i]} is ${formatSpec(leaf)}; expected a floating dtype`,
        );
      }
      if (!sameShape(leaf.shape, expected.shape)) {
        throw new ShapeError(
          functionName,
          `${other.paths[i]} has shape ${formatShape(leaf.shape)}; expected ` +
            `${formatShape(expected.shape)}, the shape of ${first!.paths[i]}`,
        );
      }
    });
  }
  const columns = Array.from({ length: results }, (): Tensor[] => []);
  inNameOf(functionName, () =>
    first!.leaves.forEach((leaf, i) => {
      f(leaf, ...rest.map((other) => other.leaves[i]!)).forEach((result, k) =>
        columns[k]!.push(result)
      );
    }));
  return columns.map((column) => unflatten(first!.structure, column));
}

/**
 * Zeros like the parameters, for a state.
 *
 * @throws {DTypeError} if a parameter cannot be trained because it is not floating.
 */
export function zeroState(functionName: string, params: unknown, dtype?: DType): unknown {
  const { leaves, paths, structure } = flattenTensors(functionName, params, "params");
  const zeros = leaves.map((leaf, i) => {
    if (!isFloating(leaf.dtype)) {
      throw new DTypeError(
        functionName,
        `${paths[i]} is ${formatSpec(leaf)}; expected a floating dtype`,
      );
    }
    return zerosLike(leaf, { dtype: dtype ?? leaf.dtype });
  });
  return unflatten(structure, zeros);
}

/** Refuses a call of `update` without the parameters that it needs. */
export function checkParams(functionName: string, params: unknown): void {
  if (params === undefined) {
    throw new OptionError(
      functionName,
      "params are missing; call update(updates, state, params) with the current parameters",
    );
  }
}
