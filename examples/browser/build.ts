import { build } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { REPORT_STYLE } from "../../src/train/report-style.ts";
import { repositoryText } from "../char-transformer/text.ts";

/** So much of the repository's text is enough for models as small as these, and is there at once. */
const TEXT_CHARACTERS = 400_000;

/** Writes the page as a folder of static files, which needs no network. */
export async function buildPage(folder: string): Promise<void> {
  const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [source("page.ts"), source("training-thread.ts")],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    // Where there is no node_modules esbuild does not find it.
    alias: { "gpu.js": createRequire(import.meta.url).resolve("gpu.js/dist/gpu-browser.min.js") },
    // For Node and Bun only, which are not asked in a browser.
    external: ["node:*", "webgpu"],
    logLevel: "warning",
  });
  copyFileSync(source("index.html"), `${folder}/index.html`);
  writeFileSync(`${folder}/page.css`, REPORT_STYLE + readFileSync(source("page.css"), "utf8"));
  writeFileSync(`${folder}/text.txt`, repositoryText().slice(0, TEXT_CHARACTERS));
}
