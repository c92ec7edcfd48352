import { sameShape, type TensorSpec } from "../core/shape.ts";
import { isPlainObject } from "../core/value-kinds.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { TreeStructure } from "../tree/tree.ts";
import type { FlatArguments } from "./stage-function.ts";

/** The tensors of arguments that can share a graph with those of an earlier call; undefined where others can. */
export type MatchArguments = (args: readonly unknown[]) => Tensor[] | undefined;

/**
 * Recognises arguments like these without what a general look at them needs, paths and a key: a training step is
 * called with the same kind of arguments again and again.
 */
export function matcherOf({ structures, leaves }: FlatArguments): MatchArguments {
  const expected = leaves.map((leaf) =>
    leaf instanceof Tensor
      ? { spec: { shape: leaf.shape, dtype: leaf.dtype }, fixed: undefined }
      : { spec: undefined, fixed: leaf }
  );
  return (args) => {
    if (args.length !== structures.length) return undefined;
    const tensors: Tensor[] = [];
    let next = 0;
    const matches = (structure: TreeStructure, value: unknown): boolean => {
      switch (structure.kind) {
        case "leaf": {
          const { spec, fixed } = expected[next++]!;
          if (spec === undefined) return Object.is(value, fixed);
          if (!(value instanceof Tensor && hasSpec(value, spec))) return false;
          tensors.push(value);
          return true;
        }
        case "empty":
          return value === structure.value;
        case "array": {
          const { children } = structure;
          return Array.isArray(value) && value.length === children.length &&
            children.every((child, i) => matches(child, value[i]));
        }
        case "object": {
          const { keys, children } = structure;
          return isPlainObject(value) && Object.keys(value).length === keys.length &&
            children.every((child, i) =>
              Object.hasOwn(value, keys[i]!) && matches(child, value[keys[i]!])
            );
        }
      }
    };
    return structures.every((structure, i) => matches(structure, args[i])) ? tensors : undefined;
  };
}

function hasSpec({ shape, dtype }: Tensor, spec: TensorSpec): boolean {
  return dtype === spec.dtype && (shape === spec.shape || sameShape(shape, spec.shape));
}
