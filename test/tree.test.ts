import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Tensor, tensor, TreeError, treeLeaves, treeMap, treePaths, zeros } from "../mod.ts";
import { describe } from "../src/core/value-kinds.ts";
import {
  checkSameStructure,
  flatten,
  flattenTensors,
  formatStructure,
  mapLeaves,
  unflatten,
} from "../src/tree/tree.ts";

/** Nested objects and arrays with odd keys, over leaves of any kind. */
const trees: fc.Arbitrary<unknown> = fc.letrec<{ tree: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.integer(),
    fc.string(),
    fc.boolean(),
    fc.constantFrom(
      new Date(0),
      new Map(),
      () => 1,
      Symbol("leaf"),
      null,
      undefined,
      new Float32Array(1),
    ),
  ),
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("a", "0", "__proto__", "constructor", "a b")),
      tie("tree"),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
})).tree;

test("tree: taken apart and put together again", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const { leaves, paths, structure } = flatten("f", tree, "root");
      assert.deepEqual(unflatten(structure, leaves), tree);
      assert.equal(paths.length, leaves.length);
      assert.equal(new Set(paths).size, paths.length, "two leaves with one path");
      assert.deepEqual(mapLeaves("f", tree, (leaf) => leaf), tree);
    }),
    { numRuns: 500 },
  );
});

test("tree: a path leads to its leaf", () => {
  fc.assert(fc.property(trees, (tree) => {
    const { leaves, paths } = flatten("f", tree, "root");
    paths.forEach((path, i) => {
      const reached = new Function("root", `return ${path}`)(tree);
      assert.equal(reached, leaves[i], path);
    });
  }));
});

/** The same tree with the keys of all objects inserted in the opposite order. */
function reversed(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(reversed);
  if (
    typeof tree !== "object" || tree === null || Object.getPrototypeOf(tree) !== Object.prototype
  ) return tree;
  return Object.fromEntries(
    Object.entries(tree).reverse().map(([key, child]) => [key, reversed(child)]),
  );
}

test("tree: the order of insertion does not matter", () => {
  fc.assert(fc.property(trees, (tree) => {
    const [a, b] = [flatten("f", tree), flatten("f", reversed(tree))];
    assert.deepEqual(a.leaves, b.leaves);
    assert.deepEqual(a.paths, b.paths);
    assert.equal(formatStructure(a.structure), formatStructure(b.structure));
  }));
});

test("tree: equal texts mean equal structures", () => {
  const texts = [{ a: 1 }, { b: 1 }, [1], [[1]], 1, null, undefined, {}, [], { a: 1, b: 1 }, {
    "a: *, b": 1,
  }, [1, 2]]
    .map((tree) => formatStructure(flatten("f", tree).structure));
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(
    formatStructure(flatten("f", { b: [1, null], a: 2 }).structure),
    '{"a": *, "b": [*, null]}',
  );
});

test("tree: paths of odd keys", () => {
  const x = tensor(1);
  const tree = { layers: [{ w: x, "odd key": x, "0": x, "": x, 'quo"te': x, $ok_1: x }] };
  assert.deepEqual(treePaths(tree), [
    '.layers[0][""]',
    ".layers[0].$ok_1",
    '.layers[0]["0"]',
    '.layers[0]["odd key"]',
    '.layers[0]["quo\\"te"]',
    ".layers[0].w",
  ]);
  assert.deepEqual(treePaths(x), [""]);
  assert.deepEqual(treePaths([]), []);
});

test("tree: leaves in the order of sorted keys", () => {
  const tree = { b: tensor(2), a: [tensor(0), { z: null, y: tensor(1) }], c: undefined };
  assert.deepEqual(treeLeaves(tree).map((x) => x.item()), [0, 1, 2]);
});

test("tree: what is no tensor is refused with its path", () => {
  assert.throws(
    () => treeLeaves({ a: [tensor(1), "text"] }),
    /^TreeError: treeLeaves: \.a\[1\] is "text"; expected a tensor/,
  );
  assert.throws(() => treePaths(3), /the argument is 3; expected a tensor/);
  assert.throws(() => treeLeaves({ f: () => 1 }), /\.f is a function/);
  assert.throws(() => treeLeaves({ m: new Map() }), /\.m is a Map/);
  assert.throws(() => flattenTensors("f", [NaN], "argument 2"), /f: argument 2\[0\] is NaN/);
});

test("tree: a tree that contains itself is refused, one that holds a branch twice is not", () => {
  const loop: Record<string, unknown> = { a: tensor(1) };
  loop["b"] = { deep: [loop] };
  assert.throws(
    () => flatten("f", loop, "state"),
    (error) =>
      error instanceof TreeError && /contains itself at state\.b\.deep\[0\]/.test(error.message),
  );
  const array: unknown[] = [];
  array.push(array);
  assert.throws(() => flatten("f", array), /contains itself at \[0\]/);
  const shared = { w: tensor(1) };
  assert.equal(treeLeaves([shared, shared]).length, 2);
});

test("tree: a structure that differs is refused with the first path", () => {
  const differences: [unknown, unknown, RegExp][] = [
    [{ a: [1, 2] }, { a: [1] }, /B has another structure than A at \.a: 1 elements; expected 2/],
    [{ a: 1, b: 2 }, { a: 1 }, /at the root: no key "b"/],
    [{ a: 1 }, { a: 1, c: 2 }, /at the root: unexpected key "c"/],
    [{ a: { b: 1 } }, { a: { b: [1] } }, /at \.a\.b: an array; expected a leaf/],
    [{ a: { b: [1] } }, { a: { b: {} } }, /at \.a\.b: an object; expected an array/],
    [[1], [null], /at \[0\]: null; expected a leaf/],
    [[null], [1], /at \[0\]: a leaf; expected null/],
  ];
  for (const [a, b, message] of differences) {
    const check = () =>
      checkSameStructure("f", flatten("f", a).structure, flatten("f", b).structure, "A", "B");
    assert.throws(check, (error) => {
      assert.ok(error instanceof TreeError);
      assert.match(error.message, message);
      return true;
    });
    checkSameStructure("f", flatten("f", a).structure, flatten("f", a).structure, "A", "A");
  }
});

test("treeMap: leaves side by side, into any leaves", () => {
  const tree = { w: tensor([1, 2]), list: [tensor(3), null] as const };
  const sum = treeMap((a, b, c) => a.add(b).add(c), tree, tree, tree);
  assert.deepEqual([sum.w.toArray(), sum.list[0].item(), sum.list[1]], [[3, 6], 9, null]);
  const shapes = treeMap((x) => x.shape, tree);
  assert.deepEqual(shapes, { w: [2], list: [[], null] });
  assert.throws(
    () => treeMap((a) => a, tree, { ...tree, extra: zeros([1]) } as typeof tree),
    /tree 2 has another structure than tree 1 at the root: unexpected key "extra"/,
  );
  assert.throws(
    () => treeMap((a) => a, tree, tree, { w: tree.w } as never),
    /tree 3 .*no key "list"/,
  );
  assert.throws(() => treeMap((a) => a, { w: 3 }), /treeMap: \.w is 3/);
});

test("describe: values in a few words", () => {
  class Thing {}
  const cases: [unknown, string][] = [
    [() => 1, "a function"],
    ['a"b', '"a\\"b"'],
    [[1], "an array"],
    [{}, "an object"],
    [{ constructor: null }, "an object"],
    [{ constructor: { name: Symbol("s") } }, "an object"],
    [new (class {})(), "an object"],
    ["x".repeat(99), `"${"x".repeat(80)}..."`],
    [Object.create(null), "an object"],
    [new Thing(), "a Thing"],
    [undefined, "undefined"],
    [null, "null"],
    [-0.5, "-0.5"],
    [10n, "10n"],
    [Symbol("s"), "Symbol(s)"],
    [tensor(1), "a Tensor"],
  ];
  for (const [value, text] of cases) assert.equal(describe(value), text);
  assert.ok(tensor(1) instanceof Tensor);
});
