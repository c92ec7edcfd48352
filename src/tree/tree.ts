import { TreeError } from "../core/errors.ts";
import { describe, isPlainObject } from "../core/value-kinds.ts";
import { Tensor } from "../tensor/tensor.ts";

/**
 * Plain nested objects and arrays of leaves; null and undefined hold none. Write the type of a tree as a `type`,
 * not as an `interface`: TypeScript does not let interfaces stand for objects with any keys.
 */
export type Tree<Leaf = Tensor> =
  | Leaf
  | readonly Tree<Leaf>[]
  | { readonly [key: string]: Tree<Leaf> }
  | null
  | undefined;

/** The same tree with every tensor replaced by a `Leaf`. */
export type MapLeaves<T, Leaf> = [Tree] extends [T] ? Tree<Leaf>
  : T extends Tensor ? Leaf
  : T extends null | undefined ? T
  : T extends readonly unknown[] | Record<string, unknown>
    ? { [K in keyof T]: MapLeaves<T[K], Leaf> }
  : T;

/** A tree taken apart: the leaves in order, where each one hung, and the shape of the rest. */
export interface Flattened {
  readonly leaves: unknown[];
  readonly paths: string[];
  readonly structure: TreeStructure;
}

/** The shape of a tree. Object keys are sorted, so the order of insertion does not matter. */
export type TreeStructure =
  | { readonly kind: "leaf" }
  | { readonly kind: "empty"; readonly value: null | undefined }
  | { readonly kind: "array"; readonly children: readonly TreeStructure[] }
  | {
    readonly kind: "object";
    readonly keys: readonly string[];
    readonly children: readonly TreeStructure[];
  };

const leafStructure: TreeStructure = { kind: "leaf" };

/** Where a child hangs: `.name`, `["odd name"]` or `[0]`. */
export function childPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/**
 * Takes a tree apart. Arrays and plain objects are branches; everything else (tensors, numbers, class
 * instances, ...) is a leaf. `root` names the tree in paths.
 */
export function flatten(functionName: string, tree: unknown, root = ""): Flattened {
  const leaves: unknown[] = [];
  const paths: string[] = [];
  const ancestors = new Set<unknown>();
  const visit = (node: unknown, path: string): TreeStructure => {
    if (node === null || node === undefined) return { kind: "empty", value: node };
    const isArray = Array.isArray(node);
    if (!isArray && !isPlainObject(node)) {
      leaves.push(node);
      paths.push(path);
      return leafStructure;
    }
    if (ancestors.has(node)) {
      throw new TreeError(functionName, `the tree contains itself at ${path || "its root"}`);
    }
    ancestors.add(node);
    let structure: TreeStructure;
    if (isArray) {
      const children = Array.from(
        node as unknown[],
        (child, i) => visit(child, childPath(path, i)),
      );
      structure = { kind: "array", children };
    } else {
      const keys = Object.keys(node).sort();
      const children = keys.map((key) => visit(node[key], childPath(path, key)));
      structure = { kind: "object", keys, children };
    }
    ancestors.delete(node);
    return structure;
  };
  const structure = visit(tree, root);
  return { leaves, paths, structure };
}

/** Puts leaves into a structure; the inverse of `flatten`. */
export function unflatten(structure: TreeStructure, leaves: readonly unknown[]): unknown {
  let next = 0;
  const build = (node: TreeStructure): unknown => {
    switch (node.kind) {
      case "leaf":
        return leaves[next++];
      case "empty":
        return node.value;
      case "array":
        return node.children.map(build);
      case "object":
        return buildObject(node.keys, node.children);
    }
  };
  const buildObject = (keys: readonly string[], children: readonly TreeStructure[]): unknown => {
    const object: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const value = build(children[i]!);
      // To assign this one would replace the prototype.
      if (key === "__proto__") Object.defineProperty(object, key, { ...property, value });
      else object[key] = value;
    }
    return object;
  };
  return build(structure);
}

const property = { writable: true, enumerable: true, configurable: true } as const;

/** `{a: *, b: [*, *]}`: for messages and cache keys; equal for equal structures. */
export function formatStructure(structure: TreeStructure): string {
  switch (structure.kind) {
    case "leaf":
      return "*";
    case "empty":
      return String(structure.value);
    case "array":
      return `[${structure.children.map(formatStructure).join(", ")}]`;
    case "object": {
      const entries = structure.keys.map((key, i) =>
        `${JSON.stringify(key)}: ${formatStructure(structure.children[i]!)}`
      );
      return `{${entries.join(", ")}}`;
    }
  }
}

/** Applies a function to every leaf of any tree. */
export function mapLeaves(
  functionName: string,
  tree: unknown,
  f: (leaf: unknown) => unknown,
): unknown {
  const { leaves, structure } = flatten(functionName, tree);
  return unflatten(structure, leaves.map(f));
}

/**
 * Takes apart a tree of tensors only.
 *
 * @throws {TreeError} that names the path of a leaf that is no tensor.
 */
export function flattenTensors(
  functionName: string,
  tree: unknown,
  root: string,
): { leaves: Tensor[]; paths: string[]; structure: TreeStructure } {
  const { leaves, paths, structure } = flatten(functionName, tree, root);
  leaves.forEach((leaf, i) => {
    if (!(leaf instanceof Tensor)) {
      throw new TreeError(
        functionName,
        `${paths[i] || "the argument"} is ${describe(leaf)}; expected a tensor`,
      );
    }
  });
  return { leaves: leaves as Tensor[], paths, structure };
}

/** Refuses a tree whose structure is not the expected one, naming the first path at which they differ. */
export function checkSameStructure(
  functionName: string,
  expected: TreeStructure,
  actual: TreeStructure,
  expectedName: string,
  actualName: string,
): void {
  const visit = (a: TreeStructure, b: TreeStructure, path: string): void => {
    const differ = (detail: string): never => {
      throw new TreeError(
        functionName,
        `${actualName} has another structure than ${expectedName} at ${
          path || "the root"
        }: ${detail}`,
      );
    };
    if (a.kind !== b.kind) differ(`${kindName(b)}; expected ${kindName(a)}`);
    if (a.kind === "array" && b.kind === "array") {
      if (a.children.length !== b.children.length) {
        differ(`${b.children.length} elements; expected ${a.children.length}`);
      }
      a.children.forEach((child, i) => visit(child, b.children[i]!, childPath(path, i)));
    }
    if (a.kind === "object" && b.kind === "object") {
      const missing = a.keys.find((key) => !b.keys.includes(key));
      if (missing !== undefined) differ(`no key ${JSON.stringify(missing)}`);
      const extra = b.keys.find((key) => !a.keys.includes(key));
      if (extra !== undefined) differ(`unexpected key ${JSON.stringify(extra)}`);
      a.keys.forEach((key, i) => visit(a.children[i]!, b.children[i]!, childPath(path, key)));
    }
  };
  visit(expected, actual, "");
}

function kindName(structure: TreeStructure): string {
  const names = { leaf: "a leaf", array: "an array", object: "an object" };
  return structure.kind === "empty" ? String(structure.value) : names[structure.kind];
}
