// The option SOFTSTEP_FMA: read at the start, so that each setting has a process of its own.
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { root } from "./support/files.ts";

const isDeno = "Deno" in globalThis;
const isBun = process.versions["bun"] !== undefined;

function run(setting: string): SpawnSyncReturns<string> {
  const script = root + "test/support/fma-process.ts";
  const argv = isDeno ? ["run", "--quiet", "-A"] : isBun ? [] : ["--import", "tsx"];
  return spawnSync(process.execPath, [...argv, script], {
    encoding: "utf8",
    timeout: 60000,
    cwd: root,
    env: { ...process.env, SOFTSTEP_FMA: setting },
  });
}

interface Answer {
  readonly device: string;
  readonly distances: readonly (readonly [name: string, units: number])[];
}

function answerOf(setting: string): Answer {
  const { status, stdout, stderr } = run(setting);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Answer;
}

test("wasm: SOFTSTEP_FMA=on gives the results of the reference device within rounding, and is told", () => {
  const { device, distances } = answerOf("on");
  if (isDeno || isBun) assert.match(device, /^wasm, .*relaxed FMA/);
  // Node from 22 on has the instructions.
  else assert.match(device, /^wasm, .*(relaxed FMA|no FMA in this runtime)/);
  assert.equal(distances.length, 10);
  for (const [name, units] of distances) assert.ok(units <= 8, `${name}: ${units} units`);
});

test("wasm: without SOFTSTEP_FMA products and sums are rounded apart", () => {
  for (const setting of ["", "off"]) assert.doesNotMatch(answerOf(setting).device, /FMA/);
});

test("wasm: a setting of SOFTSTEP_FMA that means nothing is an error", () => {
  const { status, stderr } = run("fast");
  assert.notEqual(status, 0);
  assert.match(stderr, /SOFTSTEP_FMA: expected "on" or "off", but got "fast"/);
});
