/**
 * Runs test files in Chromium without WebGPU, and writes a line of JSON for everything that there is to tell. A process of
 * its own, since what drives the browser wants more permissions than tests have.
 */
import type { Browser, Page } from "playwright-core";
import process from "node:process";
import { openBrowser, openPage } from "../browser.ts";
import { pageScripts } from "./bundle.ts";
import type { PageTest, PageTests } from "./test.ts";

/** What is told: at first the tests that there are, then what came of each, in any order. */
export type Told =
  | { readonly tests: readonly PageTest[] }
  | { readonly index: number; readonly error?: string };

/** What the page's script leaves there. */
declare const pageTests: PageTests;

/** No server is there, but addresses of this kind may do whatever a secure page may. */
const origin = "https://softstep.test/";
/** Each draws by software in one thread, and shares it with nobody. */
const browserCount = 3;
const patience = 120_000;

function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

async function pageIn(
  browser: Browser,
  bodies: Readonly<Record<string, string>>,
): Promise<{ readonly page: Page; readonly problems: readonly string[] }> {
  const opened = await openPage(browser, origin);
  const { page } = opened;
  await page.route(`${origin}**`, async (route) => {
    const path = route.request().url().slice(origin.length);
    await route.fulfill({
      contentType: path === "" ? "text/html" : "text/javascript",
      body: bodies[path] ?? "",
    });
  });
  await page.goto(origin);
  await page.waitForFunction(() => "pageTests" in globalThis)
    .catch((error) => {
      throw new Error([...opened.problems, error].join("\n"));
    });
  return opened;
}

/** Runs a test; gives what is wrong. */
async function errorOf(
  { page, problems }: Awaited<ReturnType<typeof pageIn>>,
  index: number,
): Promise<string | undefined> {
  const before = problems.length;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`still running after ${patience / 1000} s`), patience);
  });
  try {
    const result = page.evaluate((index) => pageTests.run(index), index);
    const error = await Promise.race([result, late]);
    return error ?? (problems.length > before ? problems.slice(before).join("\n") : undefined);
  } catch (error) {
    return String(error);
  } finally {
    clearTimeout(timer);
  }
}

async function main(files: readonly string[]): Promise<void> {
  const { tests, gpujs } = await pageScripts(files);
  const { SOFTSTEP_SEED: seed } = process.env;
  const environment = JSON.stringify(seed === undefined ? {} : { SOFTSTEP_SEED: seed });
  const bodies = {
    "":
      `<!doctype html><link rel="icon" href="data:,"><script>environment = ${environment}</script>` +
      `<script src="gpu.js"></script><script type="module" src="tests.js"></script>`,
    "gpu.js": gpujs,
    "tests.js": tests,
  };
  let all: readonly PageTest[] | undefined;
  let next = 0;
  await Promise.all(Array.from({ length: browserCount }, async () => {
    const browser = await openBrowser(false, ["--js-flags=--expose-gc"]);
    const opened = await pageIn(browser, bodies);
    if (all === undefined) {
      all = await opened.page.evaluate(() => pageTests.list());
      tell({ tests: all });
    }
    while (next < all.length) {
      const index = next++;
      if (all[index]!.skip !== false) continue;
      const error = await errorOf(opened, index);
      tell({ index, ...(error !== undefined && { error }) });
    }
    await browser.close();
  }));
}

await main(process.argv.slice(2));
