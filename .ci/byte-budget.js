// What `import { s3 } from "softstep"` adds to a bundle, minified and gzipped; needs `npm run build`.
// Counted is what a page loads at once; what it loads on demand (the GPU) is in files of its own.
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const budget = 80; // kB of 1000 bytes; README.md states the same figure

const root = fileURLToPath(new URL("..", import.meta.url));
const { metafile, outputFiles } = await build({
  stdin: { contents: `export { s3 } from "./dist/mod.js";`, resolveDir: root, sourcefile: "s3.js" },
  bundle: true,
  format: "esm",
  splitting: true,
  minify: true,
  write: false,
  metafile: true,
  absWorkingDir: root,
  outdir: "bundle",
  external: ["gpu.js", "webgpu"],
});
const { outputs } = metafile;
const entry = Object.keys(outputs).find((path) => outputs[path].entryPoint === "s3.js");

/** The files that are loaded together with one. */
function loadedWith(start) {
  const loaded = new Set([start]);
  for (const path of loaded) {
    for (const { kind, path: target, external } of outputs[path].imports) {
      if (kind === "import-statement" && !external) loaded.add(target);
    }
  }
  return loaded;
}

const sizes = new Map(
  Object.keys(outputs).map((path) => {
    const file = outputFiles.find((file) => file.path.replaceAll("\\", "/").endsWith(`/${path}`));
    return [path, gzipSync(file.contents, { level: 9 }).length];
  }),
);
const sum = (paths) => [...paths].reduce((bytes, path) => bytes + sizes.get(path), 0);
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const atOnce = loadedWith(entry);
const onDemand = [...sizes.keys()].filter((path) => !atOnce.has(path));
const bytes = sum(atOnce);
console.log(`s3 alone: ${kB(bytes)} of ${budget} kB (minified, gzipped), ${atOnce.size} file(s)`);
console.log(`on demand: ${kB(sum(onDemand))} in ${onDemand.length} file(s)`);

const problems = [];
if (onDemand.length === 0) problems.push("the GPU is not in files of its own");
if (bytes > budget * 1000) problems.push("over the budget");
if (!readFileSync(`${root}/README.md`, "utf8").includes(`${budget} kB`)) {
  problems.push(`README.md does not state "${budget} kB"`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length;
