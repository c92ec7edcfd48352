/** The page of examples/browser, and the library, in a real browser. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import type { Reply } from "../examples/browser/messages.ts";
import { RACERS } from "../examples/browser/race.ts";
import type { StaticServer } from "../examples/browser/serve.ts";
import { openBrowser, openPage, skipWithoutBrowser, type WatchedPage } from "./support/browser.ts";
import type { BrowserResult } from "./support/browser-library.ts";
import { bitsCases } from "./support/trained-bits.ts";

const skip = skipWithoutBrowser();
const MAIN = fileURLToPath(new URL("../examples/browser/main.ts", import.meta.url));

type Step = Extract<Reply, { kind: "step" }>;

/** What the page's script sees of its training thread, and the thread. */
declare const heard: Reply[];
declare const trainingThread: Worker;

const folder = mkdtempSync(join(tmpdir(), "softstep-page-"));
let server: StaticServer;
let plainServer: StaticServer;
const browsers = new Map<boolean, Promise<Browser>>();

before(async () => {
  if (skip !== false) return;
  const { buildPage } = await import("../examples/browser/build.ts");
  const { serveFolder } = await import("../examples/browser/serve.ts");
  await buildPage(folder);
  await addLibrary();
  server = await serveFolder(folder, 0);
  plainServer = await serveFolder(folder, 0, { base: "/some/where/", isolated: false });
});

after(async () => {
  for (const browser of browsers.values()) await browser.then((browser) => browser.close());
  server?.close();
  plainServer?.close();
  rmSync(folder, { recursive: true });
});

/** Adds a bundle of the library, and a page without anything else. */
async function addLibrary(): Promise<void> {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [fileURLToPath(new URL("support/browser-library.ts", import.meta.url))],
    outdir: join(folder, "library"),
    bundle: true,
    format: "esm",
    minify: true,
    external: ["node:*", "webgpu", "gpu.js"],
    logLevel: "warning",
  });
  const html = `<!doctype html><link rel="icon" href="data:,">` +
    `<script type="module" src="browser-library.js"></script>`;
  writeFileSync(join(folder, "library", "index.html"), html);
}

function browserWith(webgpu: boolean): Promise<Browser> {
  const browser = browsers.get(webgpu) ?? openBrowser(webgpu);
  browsers.set(webgpu, browser);
  return browser;
}

/** Keeps what the training threads say, and the last of them. */
function listen(): void {
  const Plain = Worker;
  const all: Reply[] = [];
  Object.assign(globalThis, {
    heard: all,
    Worker: class extends Plain {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        all.length = 0;
        Object.assign(globalThis, { trainingThread: this });
        this.addEventListener("message", ({ data }) => all.push(data));
      }
    },
  });
}

interface PageOptions {
  readonly webgpu: boolean;
  readonly query: string;
  readonly width?: number;
  readonly from?: StaticServer;
}

/** Opens the page, does something with it, and sees that nothing went wrong. */
async function withPage(
  { webgpu, query, width = 1200, from = server }: PageOptions,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const browser = await browserWith(webgpu);
  const { page, problems }: WatchedPage = await openPage(browser, from.url, {
    width,
    before: listen,
  });
  try {
    await page.goto(`${from.url}?${query}`);
    await use(page);
    assert.deepEqual(problems, []);
  } finally {
    await page.context().close();
  }
}

const textOf = async (page: Page, id: string): Promise<string> =>
  (await page.textContent(`#${id}`))!;

/** Waits until the status says something like this. */
async function untilStatus(page: Page, pattern: RegExp): Promise<void> {
  const [source, flags] = [pattern.source, pattern.flags];
  await page.waitForFunction(
    ([source, flags]) =>
      RegExp(source!, flags).test(document.getElementById("status")!.textContent!),
    [source, flags],
  ).catch(async () => assert.fail(`expected ${pattern}, but: ${await textOf(page, "status")}`));
}

/** Waits for so many steps in all and gives them. */
async function stepsOf(page: Page, count: number): Promise<Step[]> {
  await page.waitForFunction(
    (count) => heard.filter(({ kind }) => kind === "step").length >= count,
    count,
  );
  const replies = await page.evaluate(() => heard);
  return replies.filter((reply) => reply.kind === "step");
}

async function slide(page: Page, id: string, value: number): Promise<void> {
  await page.$eval(`#${id}`, (slider, value) => {
    (slider as HTMLInputElement).value = String(value);
    slider.dispatchEvent(new Event("input"));
  }, value);
}

function checkLearning(steps: readonly Step[]): void {
  for (const name of RACERS) {
    const losses = steps.map(({ report }) => report[name].loss);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    const [start, end] = [mean(losses.slice(0, 3)), mean(losses.slice(-3))];
    assert.ok(losses.every(Number.isFinite) && end < start - 0.15, `${name}: ${losses}`);
  }
  // Directions are at most 1; weight decay adds a tenth of parameters that are smaller than 1.
  for (const { report: { s3 } } of steps) {
    assert.ok(s3.maxUpdate > 0 && s3.maxUpdate <= s3.rate * 1.1, JSON.stringify(s3));
  }
}

test("page: trains on WebGPU; pauses, resumes and begins anew", { skip }, async () => {
  await withPage({ webgpu: true, query: "device=gpu&size=tiny" }, async (page) => {
    await untilStatus(page, /^Ready/);
    assert.match(await textOf(page, "about-device"), /^WebGPU \(webgpu: .*swiftshader/i);
    await page.click("#run");
    checkLearning(await stepsOf(page, 16));
    assert.ok(await page.locator("#loss-chart path.curve").count() >= 2);
    await page.click("#run");
    await untilStatus(page, /^Paused/);
    await page.waitForFunction(() => heard.at(-1)!.kind === "sample");
    const { length } = await stepsOf(page, 16);
    assert.doesNotMatch(await textOf(page, "sample-s3"), /^Nothing yet/);
    await page.click("#run");
    await stepsOf(page, length + 2);
    await page.click("#reset");
    await untilStatus(page, /^Ready/);
    assert.equal(await textOf(page, "pace"), "");
    assert.deepEqual((await page.evaluate(() => heard)).map(({ kind }) => kind), ["ready"]);
  });
});

test(
  "page: without WebGPU the fastest is WebAssembly, and the page says why",
  { skip },
  async () => {
    await withPage({ webgpu: false, query: "size=tiny", width: 320 }, async (page) => {
      await untilStatus(page, /^Ready/);
      const about = await textOf(page, "about-device");
      assert.match(about, /^WebAssembly \(wasm, .*; not WebGPU: no GPU is available \(WGSL: ./);
      await page.click("#run");
      checkLearning(await stepsOf(page, 100));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 320, `${wide} pixels wide`);
    });
  },
);

test(
  "page: sliders take effect while it trains; another model begins anew and goes on",
  { skip },
  async () => {
    await withPage({ webgpu: false, query: "device=cpu&size=tiny" }, async (page) => {
      await untilStatus(page, /^Ready/);
      // By keyboard: the first control is the one that starts.
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      await stepsOf(page, 5);
      await slide(page, "rate-s3", -1);
      await slide(page, "rate-adamw", -4);
      await slide(page, "order", 5);
      assert.equal(await page.getAttribute("#rate-s3", "aria-valuetext"), "0.1");
      await page.waitForFunction(() => {
        const last = heard.at(-1)!;
        return last.kind === "step" && last.p === 5 && last.report.s3.rate === 0.1 &&
          last.report.adamw.rate === 1e-4;
      });
      await untilStatus(page, /^Training/);
      await page.selectOption("#size", "small");
      const steps = await stepsOf(page, 3);
      assert.deepEqual(steps.map(({ step, p }) => [step, p]).slice(0, 3), [[1, 5], [2, 5], [3, 5]]);
      assert.match(await textOf(page, "about-device"), / 16,\d{3} parameters each$/);
      await page.keyboard.press("Space");
      await untilStatus(page, /^Paused/);
      assert.equal(await textOf(page, "run"), "Resume");
    });
  },
);

test(
  "page: a loss that is no number is told, and two of them pause the training",
  { skip },
  async () => {
    await withPage({ webgpu: false, query: "device=cpu&size=tiny" }, async (page) => {
      await untilStatus(page, /^Ready/);
      await page.click("#run");
      await stepsOf(page, 1);
      // From here on as if it came from the training thread.
      const pretend = (s3: number, adamw: number) =>
        page.evaluate(([s3, adamw]) => {
          const step = heard.filter(({ kind }) => kind === "step").length + 1;
          const of = (loss: number) => ({ loss, maxUpdate: loss, rate: 0.01 });
          const report = { s3: of(s3!), adamw: of(adamw!) };
          const data = { kind: "step", step, p: 3, report };
          trainingThread.dispatchEvent(new MessageEvent("message", { data }));
        }, [s3, adamw]);
      await page.evaluate(() => trainingThread.terminate());
      await pretend(3, NaN);
      await untilStatus(page, /^Training\. AdamW's loss is NaN since step \d+: Reset, and lower/);
      await page.waitForFunction(() =>
        /AdamW: NaN at step/.test(document.getElementById("loss-note")!.textContent!)
      );
      assert.ok(await page.locator("#loss-chart .mark").count() > 0);
      await pretend(Infinity, NaN);
      await untilStatus(page, /^Pausing/);
    });
  },
);

test("page: a device that is not there is told; another one can be chosen", { skip }, async () => {
  await withPage({ webgpu: false, query: "device=gpu&size=tiny" }, async (page) => {
    await untilStatus(page, /^This did not work: .*Choose another device, or press Reset\.$/);
    assert.ok(await page.isDisabled("#run"));
    await page.selectOption("#device", "cpu");
    await untilStatus(page, /^Ready/);
    await page.click("#run");
    await stepsOf(page, 2);
  });
});

test("page: trains on WebGL2 through gpu.js", { skip }, async () => {
  await withPage({ webgpu: false, query: "device=webgl2&size=tiny" }, async (page) => {
    await untilStatus(page, /^Ready/);
    assert.match(await textOf(page, "about-device"), /^WebGL2 \(gpu\.js/);
    await page.click("#run");
    checkLearning(await stepsOf(page, 12));
  });
});

test("page: any server will do, below any path, without shared memory", { skip }, async () => {
  const query = "device=cpu&size=small";
  await withPage({ webgpu: false, query, from: plainServer }, async (page) => {
    await untilStatus(page, /^Ready/);
    assert.match(await textOf(page, "about-device"), /^WebAssembly \(wasm, one thread: /);
    await page.click("#run");
    checkLearning(await stepsOf(page, 60));
  });
});

test(
  "page: a chosen text that cannot be learned from is told, and changes nothing",
  { skip },
  async () => {
    await withPage({ webgpu: false, query: "device=cpu&size=tiny" }, async (page) => {
      await untilStatus(page, /^Ready/);
      const choose = (name: string, buffer: Buffer) =>
        page.setInputFiles("#text", { name, mimeType: "text/plain", buffer });
      const problem = (pattern: RegExp) =>
        page.locator("#text-problem", { hasText: pattern }).waitFor();
      await choose("short.txt", Buffer.from("short"));
      await problem(/short\.txt has 5 characters; expected at least 2000/);
      await choose("bytes.txt", Buffer.alloc(3000, 0xe9));
      await problem(/bytes\.txt is not UTF-8 text/);
      await choose("good.txt", Buffer.from("abc ".repeat(1000)));
      await page.waitForFunction(() => document.getElementById("text-problem")!.textContent === "");
      await page.click("#run");
      const steps = await stepsOf(page, 40);
      assert.ok(steps[0]!.report.s3.loss < 2, "of four characters");
    });
  },
);

declare function inWorker(threads: number): Promise<BrowserResult>;
declare function trainWith(threads: number): Promise<BrowserResult>;

test(
  "library in a browser: the bits of all other runtimes, for any number of threads",
  { skip },
  async () => {
    const browser = await browserWith(false);
    const expected = Object.fromEntries(
      Object.entries(bitsCases).map(([name, { expected }]) => [name, expected]),
    );
    const { page, problems } = await openPage(browser, server.url);
    await page.goto(`${server.url}library/index.html`);
    await page.waitForFunction(() => "inWorker" in globalThis);
    for (const threads of [1, 3]) {
      const result = await page.evaluate((threads) => inWorker(threads), threads);
      assert.deepEqual([result.joined, result.digests], [threads, expected]);
      assert.match(result.description, threads === 1 ? /^wasm, one thread: / : /^wasm, 3 threads/);
    }
    const main = await page.evaluate(() => trainWith(3));
    assert.deepEqual(main.digests, expected);
    assert.match(main.description, /^wasm, one thread: the main thread of a page may not wait/);
    assert.deepEqual(problems, []);
    await page.context().close();
  },
);

/** The command line that runs the page's program in the runtime that runs this test. */
function runMain(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  const permissions = ["--allow-read", "--allow-env", "--allow-run", "--allow-net=127.0.0.1"];
  const args = process.versions["deno"] === undefined
    ? [...process.execArgv, MAIN, ...argv]
    : ["run", "--quiet", "--no-check", "--no-prompt", ...permissions, MAIN, ...argv];
  return spawnSync(process.execPath, args, { encoding: "utf8" });
}

test("page command: mistakes give a line on stderr and exit status 2", () => {
  for (const argv of [["--port", "abc"], ["--port", "70000"], ["--ports", "1"], ["site"]]) {
    const { status, stdout, stderr } = runMain(...argv);
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, /^page: /);
  }
  const { status, stdout } = runMain("--help");
  assert.equal(status, 0);
  assert.match(stdout, /^usage: deno task page/);
});

test("page command: a port that is in use is told", {
  skip: process.versions["deno"] !== undefined && "the tests may not use the network",
}, async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const { status, stderr } = runMain("--port", String(port));
  other.close();
  assert.equal(status, 2);
  assert.match(stderr, /^page: --port: cannot serve on port \d+: it is in use[^\n]*\n$/);
});
