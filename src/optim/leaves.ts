import { type DType, isFloating } from "../core/dtype.ts";
import { DTypeError, OptionError, ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { formatShape, formatSpec, sameShape, type TensorSpec } from "../core/shape.ts";
import { zerosLike } from "../ops/creation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkSameStructure, flattenTensors, unflatten } from "../tree/tree.ts";

/** Trees of tensors by what messages call them. */
type NamedTrees = Readonly<Record<string, unknown>>;

/**
 * Walks several trees of one structure and equal shapes together. `f` gives a list of `results` tensors for
 * each place; they come back as that many trees. The first of the trees sets the structure. Those of a state follow,
 * which may be kept in bfloat16.
 *
 * Shapes are compared because element-wise operations would broadcast what is only a mistake, and integers would be
 * rounded to nothing.
 */
export function mapTogether(
  functionName: string,
  results: number,
  trees: NamedTrees,
  state: NamedTrees,
  f: (...leaves: Tensor[]) => readonly Tensor[],
): unknown[] {
  const flat = (named: NamedTrees, check: typeof checkTrainable) =>
    Object.entries(named).map(([name, tree]) => {
      const flat = { name, ...flattenTensors(functionName, tree, name) };
      flat.leaves.forEach((leaf, i) => check(functionName, leaf, flat.paths[i]!));
      return flat;
    });
  const [first, ...rest] = [...flat(trees, checkTrainable), ...flat(state, checkFloating)];
  for (const other of rest) {
    checkSameStructure(functionName, first!.structure, other.structure, first!.name, other.name);
    other.leaves.forEach((leaf, i) => {
      const expected = first!.leaves[i]!;
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

/** Walks updates alone. */
export function mapUpdates(
  functionName: string,
  f: (update: Tensor) => Tensor,
  updates: unknown,
): unknown {
  const { leaves, paths, structure } = flattenTensors(functionName, updates, "updates");
  leaves.forEach((leaf, i) => checkTrainable(functionName, leaf, paths[i]!));
  return unflatten(structure, leaves.map((leaf) => f(leaf)));
}

/** Refuses what is no number with a fraction. */
function checkFloating(functionName: string, leaf: TensorSpec, path: string): void {
  if (isFloating(leaf.dtype)) return;
  throw new DTypeError(functionName, `${path} is ${formatSpec(leaf)}; expected a floating dtype`);
}

/** Refuses a parameter, or an update of one, that arithmetic does not take. */
function checkTrainable(functionName: string, leaf: TensorSpec, path: string): void {
  if (leaf.dtype === "float32" || leaf.dtype === "float64") return;
  throw new DTypeError(
    functionName,
    `${path} is ${formatSpec(leaf)}; expected float32 or float64`,
  );
}

/**
 * Zeros like the parameters, for a state.
 *
 * @throws {DTypeError} if a parameter cannot be trained because it is not float32 or float64.
 */
export function zeroState(functionName: string, params: unknown, dtype?: DType): unknown {
  const { leaves, paths, structure } = flattenTensors(functionName, params, "params");
  const zeros = leaves.map((leaf, i) => {
    checkTrainable(functionName, leaf, paths[i]!);
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
