/** Test files as one script for a page: by esbuild, with modules of this folder in place of Node's. */
import { build, type Plugin } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What stands for a module in a page, as a file or as text. */
const substitutes: Readonly<Record<string, { path: string } | { text: () => string }>> = {
  "node:assert/strict": { path: pathOf("assert.ts") },
  "node:fs": { text: goldenFiles },
  "node:process": { path: pathOf("process.ts") },
  "node:test": { path: pathOf("test.ts") },
  "node:url": { path: pathOf("url.ts") },
  // The page loads gpu.js by a script element.
  "gpu.js": { text: () => "export const { GPU } = globalThis; export default { GPU };" },
  // Imported for what needs the repository's files, which no test in a page does.
  "typescript": { text: () => "export default undefined;" },
};

/** The golden files as a module that reads them. */
function goldenFiles(): string {
  const folder = pathOf("../../golden/");
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"))
    .map((name) => [`/test/golden/${name}`, readFileSync(folder + name, "utf8")]);
  return `const files = new Map(${JSON.stringify(files)});
    export function readFileSync(path) {
      if (!files.has(path)) throw new Error("a page has no " + path);
      return files.get(path);
    }
    export const readdirSync = () => { throw new Error("a page has no folders"); };`;
}

const forPages: Plugin = {
  name: "for pages",
  setup({ onResolve, onLoad }) {
    // No path: the name of a package, or of a module of Node's.
    onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
      const substitute = substitutes[path];
      if (substitute === undefined) {
        // Those of other runtimes are imported where they are there, and so are packages that are optional.
        if (/^(node:|webgpu$)/.test(path)) return { path, external: true };
        // Where there is no node_modules esbuild does not find them.
        return { path: createRequire(importer).resolve(path) };
      }
      return "path" in substitute ? substitute : { path, namespace: "substitute" };
    });
    onLoad({ filter: /^/, namespace: "substitute" }, ({ path }) => {
      const substitute = substitutes[path]!;
      return "text" in substitute ? { contents: substitute.text() } : undefined;
    });
  },
};

/** The script of some test files, and gpu.js's own. */
export async function pageScripts(
  files: readonly string[],
): Promise<{ readonly tests: string; readonly gpujs: string }> {
  const { outputFiles: [tests] } = await build({
    stdin: {
      contents: files.map((file) => `import ${JSON.stringify(file)};`).join("\n"),
      resolveDir: pathOf("../.."),
    },
    write: false,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // What tests say of functions, by their names.
    keepNames: true,
    // package.json takes tests for free of side effects.
    ignoreAnnotations: true,
    plugins: [forPages],
    logLevel: "warning",
  });
  const gpujs = createRequire(import.meta.url).resolve("gpu.js/dist/gpu-browser.min.js");
  return { tests: tests!.text, gpujs: readFileSync(gpujs, "utf8") };
}
