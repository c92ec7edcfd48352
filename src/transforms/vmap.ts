import { OptionError, ShapeError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkFunction, checkKnown } from "../core/options.ts";
import { formatSpec, normalizeAxis } from "../core/shape.ts";
import { describe, describeList } from "../core/value-kinds.ts";
import { moveAxis } from "../primitives/batching.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { flattenTensors, type TreeStructure, unflatten } from "../tree/tree.ts";
import { mapBatch, wholesOf } from "./batch.ts";
import { checkNotPromise } from "./differentiable.ts";

/** Which axes carry the batch. */
export interface VmapOptions {
  /** The batch axis of all arguments, or of each; null for one that is the same for all. 0 by default. */
  readonly inAxes?: number | readonly (number | null)[];
  /** Where the batch axis goes in the results; 0 by default. */
  readonly outAxes?: number;
}

/**
 * Turns a function of one example into a function of a batch: arguments and results are trees of tensors with
 * one more axis. It composes with `grad` and `jit`: `vmap(grad(loss), ...)` gives one gradient an example.
 *
 * @throws {ShapeError} if batch axes are missing or have different extents.
 * @throws {OptionError} if f is no function, an option is unknown, `inAxes` does not fit the arguments, or all are null.
 * @throws {TreeError} if a leaf is no tensor.
 * @throws {TracedValueError} if the function asks for the value of a batched tensor.
 *
 * @example
 * ```ts
 * import { mul, sum, type Tensor, tensor, vmap } from "softstep";
 *
 * const dot = (a: Tensor, b: Tensor) => sum(mul(a, b));
 * const rows = vmap(dot, { inAxes: [0, null] });
 * console.log(rows(tensor([[1, 2], [3, 4]]), tensor([10, 1])).toArray()); // => [ 12, 34 ]
 * ```
 */
export function vmap<Args extends readonly unknown[], Result>(
  f: (...args: Args) => Result,
  options: VmapOptions = {},
): (...args: Args) => Result {
  checkFunction("vmap", "f", f);
  checkKnown("vmap", options, ["inAxes", "outAxes"]);
  const { inAxes = 0, outAxes = 0 } = options;
  const isAxis = (axis: unknown) => axis === null || Number.isInteger(axis);
  if (
    typeof inAxes === "number" ? !isAxis(inAxes) : !(Array.isArray(inAxes) && inAxes.every(isAxis))
  ) {
    throw new OptionError(
      "vmap",
      `inAxes is ${describeList(inAxes)}; expected an axis, or an array of axes and null`,
    );
  }
  if (!Number.isInteger(outAxes)) {
    throw new OptionError("vmap", `outAxes is ${describe(outAxes)}; expected an axis`);
  }
  return (...args) => {
    const axes = typeof inAxes === "number" ? args.map(() => inAxes) : inAxes;
    if (axes.length !== args.length) {
      throw new OptionError(
        "vmap",
        `inAxes has ${axes.length} entries for ${args.length} arguments; expected one each`,
      );
    }

    let size: number | undefined;
    const parts = args.map((argument, i) => {
      const flat = flattenTensors("vmap", argument, `argument ${i}`);
      const axis = axes[i];
      if (axis === null || axis === undefined) return { ...flat, batched: false };
      const leaves = flat.leaves.map((leaf, k) => {
        const path = flat.paths[k]!;
        if (leaf.rank === 0) {
          throw new ShapeError(
            "vmap",
            `${path} is ${formatSpec(leaf)}, which has no axis to map over`,
          );
        }
        const from = normalizeAxis("vmap", axis, leaf.rank);
        size ??= leaf.shape[from]!;
        if (leaf.shape[from] !== size) {
          throw new ShapeError(
            "vmap",
            `${path} has extent ${leaf.shape[from]} along axis ${axis}; expected ${size} as before`,
          );
        }
        return inNameOf("vmap", () => moveAxis(leaf, from, 0));
      });
      return { ...flat, leaves, batched: true };
    });
    if (size === undefined) {
      throw new OptionError("vmap", "no argument is mapped; expected inAxes other than null");
    }
    return batchCall(f, parts, size, outAxes);
  };
}

interface Part {
  readonly leaves: readonly Tensor[];
  readonly structure: TreeStructure;
  readonly batched: boolean;
}

function batchCall<Args extends readonly unknown[], Result>(
  f: (...args: Args) => Result,
  parts: readonly Part[],
  size: number,
  outAxis: number,
): Result {
  let structure: TreeStructure;
  const wholes = parts.flatMap(({ leaves }) => leaves);
  const batched = parts.flatMap(({ leaves, batched }) => leaves.map(() => batched));
  const results = mapBatch("vmap", size, { wholes, batched }, (examples) => {
    let next = 0;
    const inner = parts.map(({ leaves, structure }) =>
      unflatten(structure, examples.slice(next, next += leaves.length))
    );
    const result = f(...inner as unknown as Args);
    checkNotPromise("vmap", result);
    const flat = flattenTensors("vmap", result, "the result");
    structure = flat.structure;
    return flat.leaves;
  });
  const outputs = inNameOf(
    "vmap",
    () =>
      wholesOf(results, size).map((whole) =>
        moveAxis(whole, 0, normalizeAxis("vmap", outAxis, whole.rank))
      ),
  );
  return unflatten(structure!, outputs) as Result;
}
