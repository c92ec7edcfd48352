import { Tensor } from "../tensor/tensor.ts";
import { stage, type Staged } from "../tracing/stage.ts";
import { flatten, formatStructure, type TreeStructure, unflatten } from "../tree/tree.ts";
import { TreeError } from "../core/errors.ts";
import { describe } from "../core/value-kinds.ts";
import { checkNotPromise } from "./differentiable.ts";

/** The arguments of a call, taken apart into what is traced and what is fixed. */
export interface FlatArguments {
  readonly tensors: Tensor[];
  /** Of each argument. */
  readonly structures: readonly TreeStructure[];
  /** Tensors and what is fixed, of all arguments. */
  readonly leaves: readonly unknown[];
  /** For each tensor the position of the argument it came with, and its path. */
  readonly owners: number[];
  readonly paths: string[];
  /** Equal for calls that can share a graph, but for the specs of the tensors. */
  readonly key: string;
  /** Puts other tensors in the places of these. */
  fill(tensors: readonly Tensor[]): unknown[];
}

/** The result of a staged call: a tree in which some leaves are outputs of the graph. */
export interface Outputs {
  readonly structure: TreeStructure;
  fill(tensors: readonly Tensor[]): readonly unknown[];
}

const identities = new WeakMap<object, number>();
let nextIdentity = 0;

/** A key for a leaf that is fixed: equal values for primitives, the same function otherwise. */
function staticKey(functionName: string, leaf: unknown, path: string): string {
  switch (typeof leaf) {
    case "number":
      return Object.is(leaf, -0) ? "-0" : String(leaf);
    case "string":
      return JSON.stringify(leaf);
    case "boolean":
    case "bigint":
      return `${typeof leaf} ${leaf}`;
    case "function": {
      let identity = identities.get(leaf);
      if (identity === undefined) identities.set(leaf, identity = nextIdentity++);
      return `#${identity}`;
    }
    case "object":
      // Tensors inside of it would be fixed, and what it holds later not be seen.
      if (!ArrayBuffer.isView(leaf)) break;
      throw new TreeError(
        functionName,
        `${path} is ${describe(leaf)}; expected a tensor: wrap it with tensor(...)`,
      );
  }
  throw new TreeError(
    functionName,
    `${path} is ${describe(leaf)}; expected a tensor or a plain value`,
  );
}

/** Takes the arguments of a call apart. */
export function flattenArguments(functionName: string, args: readonly unknown[]): FlatArguments {
  const tensors: Tensor[] = [];
  const owners: number[] = [];
  const paths: string[] = [];
  const parts = args.map((argument, position) => {
    const flat = flatten(functionName, argument, `argument ${position}`);
    flat.leaves.forEach((leaf, i) => {
      if (!(leaf instanceof Tensor)) return;
      tensors.push(leaf);
      owners.push(position);
      paths.push(flat.paths[i]!);
    });
    return flat;
  });
  const key = parts.map(({ structure, leaves, paths }) => {
    const statics = leaves.map((leaf, i) =>
      leaf instanceof Tensor ? "*" : staticKey(functionName, leaf, paths[i]!)
    );
    return `${formatStructure(structure)} ${statics.join(" ")}\n`;
  }).join("");
  return {
    tensors,
    structures: parts.map(({ structure }) => structure),
    leaves: parts.flatMap(({ leaves }) => leaves),
    owners,
    paths,
    key,
    fill(replacements) {
      let next = 0;
      return parts.map(({ structure, leaves }) =>
        unflatten(
          structure,
          leaves.map((leaf) => leaf instanceof Tensor ? replacements[next++] : leaf),
        )
      );
    },
  };
}

/** Traces a function of arguments like these into a graph. */
export function stageFunction<Args extends readonly unknown[]>(
  functionName: string,
  f: (...args: Args) => unknown,
  flat: FlatArguments,
): { staged: Staged; outputs: Outputs } {
  let outputs: Outputs | undefined;
  const specs = flat.tensors.map(({ shape, dtype }) => ({ shape, dtype }));
  const staged = stage(functionName, specs, (traced) => {
    const result = f(...flat.fill(traced) as unknown as Args);
    checkNotPromise(functionName, result);
    const { leaves, structure } = flatten(functionName, result);
    const isFixed = leaves.some((leaf) => !(leaf instanceof Tensor));
    outputs = {
      structure,
      fill(tensors) {
        if (!isFixed) return tensors;
        let next = 0;
        return leaves.map((leaf) => leaf instanceof Tensor ? tensors[next++] : leaf);
      },
    };
    return leaves.filter((leaf): leaf is Tensor => leaf instanceof Tensor);
  });
  return { staged, outputs: outputs! };
}
