// What `import { s3 } from "softstep"` adds to a bundle, minified and gzipped; needs `npm run build`.
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const budget = 66; // kB of 1000 bytes; README.md states the same figure

const root = fileURLToPath(new URL("..", import.meta.url));
const { outputFiles } = await build({
  stdin: { contents: `export { s3 } from "./dist/mod.js";`, resolveDir: root },
  bundle: true,
  format: "esm",
  minify: true,
  write: false,
});
const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
console.log(`s3 alone: ${(bytes / 1000).toFixed(1)} kB of ${budget} kB (minified, gzipped)`);

const problems = [];
if (bytes > budget * 1000) problems.push("over the budget");
if (!readFileSync(`${root}/README.md`, "utf8").includes(`${budget} kB`)) {
  problems.push(`README.md does not state "${budget} kB"`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length;
