import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { filesBelow, root } from "./support/files.ts";
import {
  importCycle,
  importGraph,
  layers,
  layerViolations,
  loadedWith,
} from "./support/import-graph.ts";
import { hasSideEffects } from "./support/side-effects.ts";

const files = ["mod.ts", ...filesBelow("src", ".ts"), ...filesBelow("backends", ".ts")];
const sources = new Map(files.map((path) => [path, readFileSync(root + path, "utf8")]));

const made = (modules: Record<string, string>) => importGraph(new Map(Object.entries(modules)));

test("architecture: every module imports only its own folder or layers below", () => {
  assert.ok(files.length > 50, `read only ${files.length} files`);
  assert.deepEqual(layerViolations(importGraph(sources)), []);
});

test("architecture: no circular imports", () => {
  assert.equal(importCycle(importGraph(sources))?.join(" -> "), undefined);
});

test("architecture: every folder of src/ is a known layer, and every layer has its folder", () => {
  const folders = readdirSync(root + "src").sort();
  assert.deepEqual(folders, layers.flat().sort());
});

test("architecture: package.json names exactly the modules with side effects", () => {
  const manifest = JSON.parse(readFileSync(root + "package.json", "utf8"));
  const named = manifest.sideEffects.filter((path: string) => path.endsWith(".ts"));
  const acting = files.filter((path) => hasSideEffects(sources.get(path) ?? ""));
  // mod.ts itself declares nothing, but must keep its imports of these modules in a bundle.
  assert.deepEqual(named.sort(), ["mod.ts", ...acting].map((path) => `./${path}`).sort());
});

test("architecture: importing softstep loads nothing of the GPU, and no package", () => {
  const loaded = loadedWith("mod.ts", sources);
  assert.ok(loaded.includes("backends/wasm/backend.ts") && loaded.length > 100);
  assert.deepEqual(loaded.filter((path) => /gpu/.test(path) || !sources.has(path)), []);
  const opened = loadedWith("backends/open-gpu.ts", sources);
  assert.deepEqual(opened.filter((path) => /^backends.*gpu/.test(path)).sort(), [
    "backends/find-gpujs.ts",
    "backends/open-gpu.ts",
  ]);
});

test("architecture checker: tells what is loaded from what is imported later, or as types", () => {
  const sources = new Map(Object.entries({
    "mod.ts": `import "./a.ts"; export * from "./b.ts"; const later = () => import("./e.ts");`,
    "a.ts": `import type { T } from "./c.ts"; export type { U } from "./d.ts"; import "package";`,
    "b.ts": `import { type T, x } from "./f.ts";`,
  }));
  const loaded = ["mod.ts", "a.ts", "b.ts", "package", "f.ts"];
  assert.deepEqual(loadedWith("mod.ts", sources), loaded);
  assert.deepEqual(
    loadedWith("mod.ts", sources, { dynamic: true }).sort(),
    [
      ...loaded,
      "e.ts",
    ].sort(),
  );
});

test("architecture checker: accepts imports downward and within a folder", () => {
  const graph = made({
    "src/core/shape.ts": `import { a } from "./dtype.ts";`,
    "src/core/dtype.ts": "",
    "src/optim/schedules/cosine.ts": `import { a } from "../s3.ts"; import "../../core/dtype.ts";`,
    "src/optim/s3.ts": `export { a } from "../core/shape.ts";`,
    "backends/wasm/emit.ts": `import type { A } from "../../src/core/shape.ts";`,
    "backends/register.ts": `import { a } from "./wasm/emit.ts"; import("./open-gpu.ts");`,
    "backends/open-gpu.ts": `import { a } from "./wasm/emit.ts";`,
    "mod.ts": `import "./backends/register.ts"; export * from "./src/optim/s3.ts";`,
  });
  assert.deepEqual(layerViolations(graph), []);
  assert.equal(importCycle(graph), undefined);
});

test("architecture checker: finds imports that point upward or sideways", () => {
  const other = {
    "src/ops/add.ts": "",
    "src/nn/dense.ts": "",
    "src/tensor/tensor.ts": "",
    "backends/reference/run.ts": "",
    "backends/register.ts": "",
    "mod.ts": "",
  };
  const violations = (path: string, text: string) =>
    layerViolations(made({ ...other, [path]: text }));
  const wrong: [string, string][] = [
    ["src/core/a.ts", `import { add } from "../ops/add.ts";`],
    ["src/core/a.ts", `import type { Add } from "../ops/add.ts";`],
    ["src/core/a.ts", `export * from "../ops/add.ts";`],
    ["src/core/a.ts", `export type A = import("../ops/add.ts").Add;`],
    ["src/core/a.ts", `export const load = () => import("../ops/add.ts");`],
    ["src/optim/a.ts", `import { dense } from "../nn/dense.ts";`],
    ["src/train/a.ts", `import { run } from "../../backends/reference/run.ts";`],
    ["src/train/a.ts", `import { add } from "../../mod.ts";`],
    ["src/train/a.ts", `import { readFileSync } from "node:fs";`],
    ["src/train/a.ts", `import { missing } from "../ops/missing.ts";`],
    ["src/elsewhere/a.ts", ""],
    ["src/a.ts", ""],
    ["backends/wasm/a.ts", `import { run } from "../reference/run.ts";`],
    ["backends/wasm/a.ts", `import "../register.ts";`],
    ["backends/wasm/a.ts", `import { Tensor } from "../../src/tensor/tensor.ts";`],
  ];
  for (const [path, text] of wrong) {
    const found = violations(path, text);
    assert.equal(found.length, 1, `${path}: ${text}`);
    assert.ok(found[0]?.startsWith(path));
  }
});

test("architecture checker: reports a shortest circle", () => {
  const graph = made({
    "src/core/a.ts": `import { b } from "./b.ts";`,
    "src/core/b.ts": `import { c } from "./c.ts"; import { d } from "./d.ts";`,
    "src/core/c.ts": `import { d } from "./d.ts";`,
    "src/core/d.ts": `export type { B } from "./b.ts";`,
  });
  assert.deepEqual(importCycle(graph), ["src/core/b.ts", "src/core/d.ts", "src/core/b.ts"]);
  assert.deepEqual(importCycle(made({ "src/core/a.ts": `import "./a.ts";` })), [
    "src/core/a.ts",
    "src/core/a.ts",
  ]);
});

test("architecture checker: ignores imports in comments and strings", () => {
  const graph = made({
    "src/core/a.ts":
      `/** import { add } from "../ops/add.ts"; */ const s = 'import "../ops/b.ts"';`,
  });
  assert.deepEqual([...graph.values()], [[]]);
});

test("architecture checker: tells modules with side effects from declarations", () => {
  for (const text of ["register(1);", "if (x) y();", "A.prototype.b = 1;", "for (;;);"]) {
    assert.equal(hasSideEffects(text), true, text);
  }
  for (
    const text of [
      "",
      `import { a } from "./a.ts";`,
      `import "./a.ts";`,
      `export * from "./a.ts";`,
      "export const a = /* @__PURE__ */ make(1);",
      "export class A {}",
      "export function f(): void { g(); }",
      "export type A = 1; interface B { b: A }",
    ]
  ) assert.equal(hasSideEffects(text), false, text);
});
