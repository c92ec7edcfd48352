import { isFloating } from "../core/dtype.ts";
import { TreeError } from "../core/errors.ts";
import { checkLike } from "../core/shape.ts";
import { describe } from "../core/value-kinds.ts";
import { Tensor } from "../tensor/tensor.ts";
import { childPath, type Tree, type TreeStructure } from "../tree/tree.ts";

/** The cotangent of a tree: the same tree; null in the place of a tensor, or of a whole part, means zero. */
export type Cotangent<T> = [Tree] extends [T] ? T
  : T extends Tensor ? Tensor | null
  : T extends null | undefined ? T
  : T extends object ? { readonly [K in keyof T]: Cotangent<T[K]> } | null
  : T;

/** A tree taken apart. */
interface Part {
  readonly structure: TreeStructure;
  readonly leaves: readonly Tensor[];
}

/**
 * Takes apart what a function gave as the cotangents of its arguments, and refuses what does not fit them.
 *
 * @param what The function, for messages.
 * @param kind What an argument is called.
 */
export function flattenCotangents(
  functionName: string,
  what: string,
  kind: "argument" | "input",
  given: unknown,
  parts: readonly Part[],
): (Tensor | undefined)[] {
  if (!Array.isArray(given) || given.length !== parts.length) {
    const found = Array.isArray(given) ? `an array of ${given.length}` : describe(given);
    throw new TreeError(
      functionName,
      `${what} returned ${found}; expected an array with the cotangent of each ${kind} (${parts.length})`,
    );
  }
  return parts.flatMap((part, i) =>
    flattenCotangent(functionName, given[i], part, `the cotangent of ${kind} ${i} (from ${what})`)
  );
}

/**
 * Takes apart the cotangent of a tree with these leaves, and refuses what does not fit it. Where it is null, and where
 * the tree has no floating tensor, it is undefined: zero.
 */
function flattenCotangent(
  functionName: string,
  cotangent: unknown,
  { structure, leaves }: Part,
  root: string,
): (Tensor | undefined)[] {
  const parts: (Tensor | undefined)[] = [];

  function visit(given: unknown, node: TreeStructure, path: string): void {
    if (node.kind === "empty") return;
    if (node.kind === "leaf") {
      const leaf = leaves[parts.length]!;
      parts.push(given === null ? undefined : checked(given, leaf, path));
      return;
    }
    if (given === null) {
      node.children.forEach((child) => visit(null, child, path));
      return;
    }
    const isArray = node.kind === "array";
    if (isArray !== Array.isArray(given) || typeof given !== "object" || given instanceof Tensor) {
      const expected = isArray ? `an array of ${node.children.length}` : "an object";
      throw refuse(describe(given), `${expected}, or null for zero`, path);
    }
    if (isArray) {
      const list = given as readonly unknown[];
      if (list.length !== node.children.length) {
        throw refuse(`an array of ${list.length}`, `${node.children.length} elements`, path);
      }
      node.children.forEach((child, i) => visit(list[i], child, childPath(path, i)));
      return;
    }
    const object = given as Readonly<Record<string, unknown>>;
    const { keys, children } = node;
    const extra = Object.keys(object).find((key) => !keys.includes(key));
    if (extra !== undefined) {
      throw refuse(
        `an object with a key ${JSON.stringify(extra)}`,
        `only ${keys.join(", ")}`,
        path,
      );
    }
    keys.forEach((key, i) => visit(object[key], children[i]!, childPath(path, key)));
  }

  function checked(given: unknown, leaf: Tensor, path: string): Tensor | undefined {
    if (!(given instanceof Tensor)) {
      throw refuse(describe(given), "a tensor, or null for zero", path);
    }
    checkLike(functionName, given, leaf, path);
    return isFloating(leaf.dtype) ? given : undefined;
  }

  function refuse(given: string, expected: string, path: string): TreeError {
    return new TreeError(functionName, `${path} is ${given}; expected ${expected}`);
  }

  visit(cotangent, structure, root);
  return parts;
}
