import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { skipWithoutGpu } from "./support/webgpu-kernel.ts";

const options = { skip: await skipWithoutGpu() };

test("webgpu: an open device does not keep a process alive", options, () => {
  const file = fileURLToPath(new URL("./support/webgpu-process.ts", import.meta.url));
  const argv = process.versions["deno"] !== undefined
    ? ["run", "--no-check", "--allow-read", "--allow-env", "--allow-sys"]
    : process.versions["bun"] !== undefined
    ? []
    : ["--import", "tsx"];
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, [...argv, file], {
    encoding: "utf8",
    timeout: 60000,
  });
  assert.equal(signal, null, "still running after a minute");
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "-1 -2\n");
});
