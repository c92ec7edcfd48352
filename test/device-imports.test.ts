import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { root } from "./support/files.ts";

/** Runs a program beside a copy of the sources in which nothing of the GPU can be loaded. */
function runWithoutGpu(program: string): string {
  const folder = mkdtempSync(join(tmpdir(), "softstep-"));
  try {
    for (const part of ["mod.ts", "src", "backends"]) {
      cpSync(root + part, join(folder, part), { recursive: true });
    }
    const backends = readdirSync(join(folder, "backends"));
    for (const name of backends.filter((name) => name.includes("gpu"))) {
      rmSync(join(folder, "backends", name), { recursive: true });
    }
    writeFileSync(
      join(folder, "backends", "open-gpu.ts"),
      `throw new Error("the GPU was loaded");`,
    );
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
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
    return stdout.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("imports: a training step on cpu loads nothing of the GPU, but asking for a GPU does", () => {
  const printed = runWithoutGpu(`
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
  `);
  assert.deepEqual(printed.split("\n"), ["trained", "the GPU was loaded"]);
});
