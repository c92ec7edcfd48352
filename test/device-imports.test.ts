import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { importFailure } from "../src/backend/import-failure.ts";
import { root } from "./support/files.ts";

/** Runs a program beside a copy of the sources that was changed, with no package in reach. */
function runBeside(change: (folder: string) => void, program: string): string {
  const folder = mkdtempSync(join(tmpdir(), "softstep-"));
  try {
    for (const part of ["mod.ts", "src", "backends"]) {
      cpSync(root + part, join(folder, part), { recursive: true });
    }
    // Without such a folder Bun installs what is missing.
    mkdirSync(join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
    change(folder);
    const file = join(folder, "main.ts");
    writeFileSync(file, program);
    const argv = process.versions["deno"] === undefined
      ? process.execArgv
      : ["run", "--quiet", "--no-check", "--no-prompt", "--allow-env", "--allow-sys"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...argv, file], {
      cwd: root,
      encoding: "utf8",
      timeout: 120_000,
    });
    assert.equal(status, 0, stderr);
    assert.ok(!stdout.includes(folder), stdout);
    return stdout.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Takes away everything of the GPU. */
function removeGpu(folder: string): void {
  const backends = readdirSync(join(folder, "backends"));
  for (const name of backends.filter((name) => name.includes("gpu"))) {
    rmSync(join(folder, "backends", name), { recursive: true });
  }
  writeFileSync(join(folder, "backends", "open-gpu.ts"), `throw new Error("the GPU was loaded");`);
}

test("imports: a training step on cpu loads nothing of the GPU, but asking for a GPU does", () => {
  const printed = runBeside(
    removeGpu,
    `
    import {
      applyUpdates, describeDevice, device, deviceGet, devicePut, initLinear, jit, key, linear, s3,
      scope, square, sum, valueAndGrad, zeros,
    } from "./mod.ts";

    let params = await devicePut(initLinear(key(0), 2, 1), await device("cpu"));
    const optimizer = s3({ learningRate: 0.1 });
    let state = optimizer.init(params);
    const step = jit((p, s, x) => {
      const [value, gradient] = valueAndGrad((p) => sum(square(linear(p, x))))(p);
      const [updates, next] = optimizer.update(gradient, s, p);
      return [applyUpdates(p, updates), next, value];
    });
    const x = zeros([3, 2]);
    [params, state] = scope(() => step(params, state, x));
    await deviceGet(params);
    describeDevice();
    console.log("trained");
    await device("gpu").catch((error) => console.log(error.message));
  `,
  );
  assert.deepEqual(printed.split("\n"), ["trained", "the GPU was loaded"]);
});

test("imports: a module of ours that does not load is no missing GPU", () => {
  const program = `
    import { device } from "./mod.ts";

    for (const options of [{ compiler: "wgsl" }, { mode: "cpu" }, { mode: "webgpu" }]) {
      await device("gpu", options).catch(({ name, message }) => console.log(name, message));
    }
  `;
  const breaks = (folder: string) => {
    for (const backend of ["webgpu", "gpujs"]) {
      const text = `throw new TypeError("a mistake in ${backend}");`;
      writeFileSync(join(folder, "backends", backend, "mod.ts"), text);
    }
    // So that the way to it is open.
    const finder = "export const findGpujs = () => Promise.resolve();";
    writeFileSync(join(folder, "backends", "find-gpujs.ts"), finder);
  };
  assert.deepEqual(runBeside(breaks, program).split("\n"), [
    "TypeError a mistake in webgpu",
    "TypeError a mistake in gpujs",
    "TypeError a mistake in webgpu",
  ]);
});

test("imports: a package that is not installed is named, with what installs it", () => {
  const printed = runBeside(
    () => {},
    `
    import { device } from "./mod.ts";

    await device("gpu", { mode: "cpu", required: true }).catch((error) => console.log(error.message));
  `,
  );
  assert.equal(
    printed,
    "device: no GPU is available (gpu.js in mode cpu: gpu.js is not installed; install gpu.js " +
      "2.24.1 (npm install gpu.js@2.24.1), or load its gpu-browser.min.js by a script element first)",
  );
});

test("imports: a package that is not there is told apart from one that is broken", () => {
  const missing = [
    "Cannot find package 'gpu.js' imported from /folder/find-gpujs.ts",
    "Cannot find module 'gpu.js'\nRequire stack:\n- /folder/mod.cjs",
    'Import "gpu.js" not a dependency and not in import map from "file:///folder/find-gpujs.ts"',
  ];
  for (const [i, message] of missing.entries()) {
    const code = i === 1 ? "MODULE_NOT_FOUND" : "ERR_MODULE_NOT_FOUND";
    const error = Object.assign(new Error(message), { code });
    assert.equal(importFailure("gpu.js", error), "is not installed");
    assert.equal(
      importFailure("webgpu", error),
      `does not load (${message.split("\n")[0]})`,
    );
  }
  const broken = "Failed to resolve module specifier 'gpu.js'";
  assert.equal(importFailure("gpu.js", new TypeError(broken)), `does not load (${broken})`);
  assert.equal(importFailure("gpu.js", "nothing"), "does not load (nothing)");
  assert.equal(importFailure("gpu.js", undefined), "does not load (undefined)");
});
