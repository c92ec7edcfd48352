import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import test from "node:test";
import { pathToFileURL } from "node:url";
import {
  type Example,
  examplesOfMarkdown,
  examplesOfModule,
  executable,
} from "./support/example.ts";
import { exampleConsole } from "./support/example-console.ts";
import { filesBelow, root } from "./support/files.ts";
import { publicFunctions } from "./support/public-functions.ts";

// The examples run inside the repository, where "softstep" means mod.ts in every runtime.
const runtime = process.versions["bun"] ? "bun" : process.versions["deno"] ? "deno" : "node";
const folder = `${root}.examples/${runtime}/`;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const read = (path: string) => readFileSync(root + path, "utf8");

function declareTests(path: string, examples: readonly Example[]): void {
  examples.forEach((example, index) => {
    test(`example: ${path} ${example.subject}`, async () => {
      const file = folder + path.replaceAll("/", "-").replace(/\.\w+$/, `-${index + 1}.ts`);
      const head = `import { exampleConsole } from "../../test/support/example-console.ts"; ` +
        `const { console, expectPrinted } = exampleConsole(${JSON.stringify(path)});`;
      writeFileSync(file, `${head} ${executable(example)}`);
      await import(pathToFileURL(file).href);
    });
  });
}

declareTests("README.md", examplesOfMarkdown(read("README.md")));
for (const path of ["mod.ts", ...filesBelow("src", ".ts"), ...filesBelow("backends", ".ts")]) {
  declareTests(path, examplesOfModule(read(path)));
}

test("examples: every function of mod.ts has one", () => {
  const functions = publicFunctions("mod.ts");
  assert.ok(functions.length > 20, `found only ${functions.length} functions`);
  assert.deepEqual(functions.filter((f) => !f.hasExample).map((f) => f.name), []);
});

test("examples: README.md has some", () => {
  assert.ok(examplesOfMarkdown(read("README.md")).length > 0);
});

const fenced = (...lines: string[]) => ["```ts", ...lines, "```"];
const comment = (lines: string[]) => ["/**", ...lines.map((line) => ` * ${line}`), " */"];

test("example runner: finds the blocks of a module with subject and line", () => {
  const text = [
    ...comment(["A module.", "", ...fenced("start();"), "@module"]),
    `import "./a.ts";`,
    ...comment(["@example", ...fenced("first();", "", "  second();")]),
    "export function f(): void {}",
    "export class C {",
    ...comment(["@example", ...fenced("third();"), "", ...fenced("fourth();")]),
    "  m(): void {}",
    "}",
    "const s = `/** no comment\n```ts\nno();\n``` */`;",
    "/* ```ts\nneither();\n``` */",
  ].join("\n");
  const found = examplesOfModule(text);
  assert.deepEqual(found.map(({ subject, code }) => [subject, code]), [
    ["module", "start();\n"],
    ["f", "first();\n\n  second();\n"],
    ["C.m", "third();\n"],
    ["C.m", "fourth();\n"],
  ]);
  const lines = text.split("\n");
  for (const { line, code } of found) {
    assert.equal(lines[line - 1]?.replace(" * ", ""), code.split("\n")[0]);
  }
});

test("example runner: finds the blocks of a Markdown text", () => {
  const text = ["# Title", ...fenced("a();"), "## Use", "```sh", "ls", "```", ...fenced("b();")];
  assert.deepEqual(examplesOfMarkdown(text.join("\n")), [
    { subject: "Title", line: 3, code: "a();\n" },
    { subject: "Use", line: 10, code: "b();\n" },
  ]);
});

/** Runs code as an example; the error's message, or undefined. */
function outcome(...code: string[]): string | undefined {
  const { console, expectPrinted } = exampleConsole("made-up.ts");
  try {
    const run = new Function(
      "console",
      "expectPrinted",
      executable({ subject: "", line: 1, code: code.join("\n") }),
    );
    run(console, expectPrinted);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

test("example runner: accepts what is printed as promised", () => {
  assert.equal(outcome("console.log(1 + 1); // => 2"), undefined);
  assert.equal(outcome("console.log(1 + 1) // => 2"), undefined);
  assert.equal(outcome(`console.log("a", [1, "b"]); // => a [ 1, "b" ]`), undefined);
  assert.equal(outcome("console.log(\n  1,\n  2,\n); // => 1 2"), undefined);
  assert.equal(outcome("[1, 2]; // => [ 1, 2 ]"), undefined);
  assert.equal(outcome("const x = 3; // => 3", "x + 1; // => 4"), undefined);
  assert.equal(outcome("for (let i = 0; i < 2; i++) {", "  i < 2; // => true", "}"), undefined);
  assert.equal(outcome(`"a\\n  b";`, "// => a", "//      b"), undefined);
  assert.equal(outcome("console.log('unchecked');", "1; // a remark"), undefined);
});

test("example runner: rejects what is not printed as promised", () => {
  for (
    const code of [
      ["console.log(1 + 1); // => 3"],
      ["[1, 2]; // => [1]"],
      ["const x = 3; // => 4"],
      ["const f = () => 1; // => 1"],
      [`"a\\n  b";`, "// => a", "//      c"],
      ["if (false) console.log(1);", "// => 1"],
      ["// => 1", "console.log(1);"],
      ["function f() {} // => 1"],
    ]
  ) assert.notEqual(outcome(...code), undefined, code.join("\n"));
  assert.match(outcome("", "1; // => 2") ?? "", /made-up\.ts:2/);
});
