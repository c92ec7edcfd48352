/** Chromium for tests, and what went wrong in its pages. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import type { Browser, Page } from "playwright-core";

const executablePath: string | undefined = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));

/**
 * Why tests in a browser are skipped, or false: one runtime is to drive it, and that is enough. With
 * SOFTSTEP_EXPECT_GPU=1 a missing Chromium is no reason.
 */
export function skipWithoutBrowser(driver: "Node" | "Deno" = "Node"): string | false {
  const { bun, deno } = process.versions;
  const runtime = bun !== undefined ? "Bun" : deno !== undefined ? "Deno" : "Node";
  if (runtime !== driver) return `the browser is driven by ${driver}`;
  if (executablePath !== undefined || process.env["SOFTSTEP_EXPECT_GPU"] === "1") return false;
  return "there is no Chromium";
}

/** Starts Chromium, with WebGPU on a software adapter or without WebGPU. */
export async function openBrowser(
  webgpu: boolean,
  flags: readonly string[] = [],
): Promise<Browser> {
  // Not loaded where it is not used.
  const { chromium } = await import("playwright-core");
  assert.ok(executablePath !== undefined, "there is no Chromium");
  const gpu = webgpu
    ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    : ["--disable-features=WebGPU", "--enable-unsafe-swiftshader"];
  return await chromium.launch({
    executablePath,
    args: [
      ...gpu,
      ...flags,
      "--headless=new",
      "--no-sandbox",
      "--no-first-run",
      "--disable-quic",
      "--disable-sync",
      "--disable-background-networking",
      "--disable-component-update",
    ],
  });
}

/** A page that is being watched. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors on the console, uncaught ones, and addresses elsewhere than on our own server. */
  readonly problems: readonly string[];
}

/** Opens a page of its own; `before` runs in it before its scripts. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: { readonly width?: number; readonly before?: () => void } = {},
): Promise<WatchedPage> {
  const { width = 1200, before } = options;
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) problems.push(`request: ${url}`);
  });
  // What tsx puts into functions, which run in the page too.
  await page.addInitScript("globalThis.__name = (named) => named");
  if (before !== undefined) await page.addInitScript(before);
  page.setDefaultTimeout(120_000);
  return { page, problems };
}
