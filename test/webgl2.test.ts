/**
 * gpu.js in mode "webgl2", which browsers without WebGPU use: the tests of the other modes and devices, bundled and run in
 * Chromium, and some of its own (support/in-browser/textures.ts).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { skipWithoutBrowser } from "./support/browser.ts";
import inPages from "./support/in-browser/assert.ts";
import type { Told } from "./support/in-browser/run.ts";
import type { PageTest } from "./support/in-browser/test.ts";

const files = [
  // Those that take longest come first, so that the browsers end together.
  "gpu-gradients.test.ts",
  "gpu-primitives.test.ts",
  "gpujs-programs.test.ts",
  "gpujs-kernels.test.ts",
  "gpujs-guards.test.ts",
  "gpu-s3.test.ts",
  "gpu-optimizers.test.ts",
  "gpujs-custom-kernel.test.ts",
  "gpujs-custom-operators.test.ts",
  "gpujs-custom-expressions.test.ts",
  "gpujs-elementwise.test.ts",
  "gpujs-faults.test.ts",
  "gpujs-seam.test.ts",
  "gpujs-special-values.test.ts",
  "gpujs-training.test.ts",
  "support/in-browser/textures.ts",
];

interface Started {
  readonly tests: readonly PageTest[];
  /** What is wrong with a test; undefined where nothing is. */
  readonly errorOf: (index: number) => Promise<string | undefined>;
}

/** Starts the browsers, and waits for the tests' names. */
async function start(): Promise<Started> {
  const path = fileURLToPath(new URL("support/in-browser/run.ts", import.meta.url));
  const names = files.map((file) => `./${file}`);
  const child = spawn(process.execPath, ["run", "--quiet", "--no-check", "-A", path, ...names], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr.on("data", (text) => complaints += text);
  let tests: readonly PageTest[] | undefined;
  const results = new Map<number, { readonly error?: string }>();
  let end: string | undefined;
  const news = new EventEmitter();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const told = JSON.parse(line) as Told;
    if ("tests" in told) tests = told.tests;
    else results.set(told.index, told);
    news.emit("more");
  });
  child.on("close", (status) => {
    end = `the browser's driver has ended with status ${status}:\n${complaints}`;
    news.emit("more");
  });
  async function until<T>(known: () => T | undefined): Promise<T> {
    for (let value = known();; value = known()) {
      if (value !== undefined) return value;
      if (end !== undefined) throw new Error(end);
      await once(news, "more");
    }
  }
  return {
    tests: await until(() => tests),
    errorOf: async (index) => (await until(() => results.get(index))).error,
  };
}

const skip = skipWithoutBrowser("Deno");

if (skip !== false) {
  test("webgl2: everything that is tested in Chromium", { skip }, () => {});
} else {
  const { tests, errorOf } = await start();
  tests.forEach(({ name, skip }, index) => {
    test(/webgl2|in a page/.test(name) ? name : `in a page: ${name}`, { skip }, async () => {
      const error = await errorOf(index);
      if (error !== undefined) assert.fail(error);
    });
  });
  test("webgl2: all kinds of tests have run", () => {
    for (
      const kind of [
        /every primitive/,
        /derivatives of \d+/,
        /adamw/,
        /s3 .*\|u\| <= 1/,
        /random graphs/,
      ]
    ) {
      assert.ok(tests.some(({ name, skip }) => skip === false && kind.test(name)), `${kind}`);
    }
    assert.ok(tests.length > 200, `only ${tests.length}`);
  });
}

test("webgl2: what pages have for node:assert says what Node's says", async () => {
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<unknown>(0, -0, 1, NaN, Infinity, "", "1", true, null, undefined),
      fc.constantFrom([1, 2], [1], [1, NaN]).map((list) => Float32Array.from(list)),
      fc.constantFrom([1, 2], [1]).map((list) => Int32Array.from(list)),
      fc.array(tie("value"), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("a", "b"), tie("value"), { maxKeys: 2 }),
    ),
  })).value;
  const fails = (f: () => void): boolean => {
    try {
      f();
      return false;
    } catch {
      return true;
    }
  };
  const agree = (f: (check: typeof assert) => void): void =>
    assert.equal(fails(() => f(inPages as typeof assert)), fails(() => f(assert)));
  fc.assert(
    fc.property(value, value, (a, b) => {
      agree((check) => check.deepEqual(a, b));
      agree((check) => check.deepEqual(structuredClone(a), a));
      agree((check) => check.notDeepEqual(a, b));
      agree((check) => check.equal(a, b));
      agree((check) => check.notEqual(a, b));
      agree((check) => check.ok(a));
    }),
    { numRuns: 2000 },
  );
  const throwing = () => {
    throw new TypeError("it does");
  };
  const expectations = [/it does/, /^TypeError: it/, /^it/, TypeError, RangeError, Error];
  for (const f of [throwing, () => {}]) {
    for (const expected of [...expectations, (error: Error) => error.message === "it does"]) {
      agree((check) => check.throws(f, expected as RegExp));
    }
    agree((check) => check.throws(f));
    agree((check) => check.doesNotThrow(f));
  }
  for (const text of ["abc", "b"]) {
    agree((check) => check.match(text, /ab/));
    agree((check) => check.doesNotMatch(text, /ab/));
  }
  agree((check) => check.fail("so"));
  for (const promise of [() => Promise.reject(new TypeError("it does")), () => Promise.resolve()]) {
    for (const expected of [undefined, ...expectations]) {
      const outcomes = await Promise.all(
        [assert, inPages as typeof assert].map((check) =>
          (expected === undefined
            ? check.rejects(promise())
            : check.rejects(promise, expected as RegExp)).then(() => true, () => false)
        ),
      );
      assert.equal(outcomes[0], outcomes[1], `${expected}`);
    }
  }
});
