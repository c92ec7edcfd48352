import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { createModule } from "../backends/wasm/module.ts";
import { compileModule } from "../backends/wasm/module-code.ts";
import { createPool, inScratch, type Task } from "../backends/wasm/pool.ts";
import type { FoundThreads } from "../backends/wasm/pool-start.ts";
import {
  large,
  mailboxThreads,
  openPool,
  type Setting,
  testModule,
  untilJoined,
} from "./support/pool.ts";

function withPool(threads: number, use: (setting: Setting) => void, found?: FoundThreads): void {
  const setting = openPool(threads, found);
  try {
    use(setting);
  } finally {
    setting.pool.dispose();
  }
}

const anyTask = fc.record({
  units: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 })),
  chunk: fc.integer({ min: 1, max: 80 }),
});
const anyPhases = fc.array(fc.array(anyTask, { maxLength: 12 }), { maxLength: 6 });

test("wasm pool: the same results for 1 to 4 threads, each unit computed once, phases in order", () => {
  for (const threads of [1, 2, 3, 4]) {
    withPool(threads, (setting) => {
      const { pool, functions, words } = setting;
      untilJoined(setting);
      fc.assert(
        fc.property(anyPhases, (phases) => {
          // Each phase reads what the one before has written, elsewhere in the memory.
          const length = 12 * 300;
          const [a, b] = [0, length];
          words.fill(1, 0, 2 * length);
          const expected = new Int32Array(words.subarray(0, 2 * length));
          const made = phases.map((phase, p) => {
            const [from, to] = p % 2 === 0 ? [a, b] : [b, a];
            return phase.map(({ units, chunk }, t): Task => {
              const start = t * 300;
              for (let i = 0; i < units; i++) {
                expected[to + start + i] = 3 * expected[from + start + i]! + i + 1 | 0;
              }
              const args = [4 * (to + start), 4 * (from + start)];
              return { calls: [{ func: functions.step!, args }], units, chunk };
            });
          });
          pool.run(made, large);
          assert.deepEqual(words.slice(0, 2 * length), expected);
        }),
      );
    });
  }
});

test("wasm pool: a phase begins when all of the one before is finished", () => {
  withPool(4, (setting) => {
    const { pool, functions, words } = setting;
    untilJoined(setting);
    for (let turn = 0; turn < 300; turn++) {
      const n = 1 + turn * 7 % 900;
      words.fill(turn, 0, n);
      pool.run([
        [{ calls: [{ func: functions.step!, args: [0, 0] }], units: n, chunk: 5 }],
        [{ calls: [{ func: functions.sum!, args: [8000, 0, n] }], units: 16, chunk: 1 }],
        [{ calls: [{ func: functions.step!, args: [8000, 8000] }], units: 16, chunk: 1 }],
      ], large);
      const sum = 3 * turn * n + n * (n + 1) / 2;
      const expected = Array.from({ length: 16 }, (_, i) => 3 * sum + i + 1);
      assert.deepEqual([...words.subarray(2000, 2016)], expected);
    }
  });
});

test("wasm pool: calls of a task follow each other in one thread with scratch memory of its own", () => {
  withPool(3, (setting) => {
    const { pool, functions, words } = setting;
    untilJoined(setting);
    const n = 200;
    const scratch = { address: 40000, bytes: 4 * n };
    const tasks = Array.from({ length: 60 }, (_, t): Task => ({
      calls: [
        { func: functions.fill!, args: [inScratch(0), n, t] },
        { func: functions.sum!, args: [4 * t, inScratch(0), n, 0, 1] },
      ],
    }));
    for (let turn = 0; turn < 50; turn++) {
      words.fill(0, 0, tasks.length);
      pool.run([tasks], { ...large, scratch });
      assert.deepEqual(
        [...words.subarray(0, tasks.length)],
        tasks.map((_, t) => t * n),
      );
    }
  });
});

test("wasm pool: 10,000 small dispatches, with and without workers", () => {
  withPool(4, ({ pool, functions, words }) => {
    const task: Task = { calls: [{ func: functions.step!, args: [0, 0] }], units: 8, chunk: 1 };
    let expected = new Int32Array(8);
    for (let turn = 0; turn < 10000; turn++) {
      pool.run([[task]], { cost: turn % 3 === 0 ? 0 : Infinity });
      expected = expected.map((x, i) => Math.imul(3, x) + i + 1);
    }
    assert.deepEqual(words.slice(0, 8), expected);
  });
});

test("wasm pool: dispatches after a rest", async () => {
  const setting = openPool(4);
  const { pool, functions, words } = setting;
  untilJoined(setting);
  words.fill(0, 0, 8);
  const task: Task = { calls: [{ func: functions.step!, args: [0, 0] }], units: 8, chunk: 1 };
  let expected = new Int32Array(8);
  for (let turn = 0; turn < 100; turn++) {
    await new Promise((resolve) => setTimeout(resolve, turn % 5));
    pool.run([[task]], large);
    expected = expected.map((x, i) => Math.imul(3, x) + i + 1);
  }
  assert.deepEqual(words.slice(0, 8), expected);
  pool.dispose();
});

test("wasm pool: workers see memory that has grown", () => {
  withPool(3, (setting) => {
    const { memory, pool, functions } = setting;
    untilJoined(setting);
    for (let turn = 0; turn < 20; turn++) {
      const address = memory.grow(7) * 65536;
      const grown = new Int32Array(memory.buffer);
      const args = [address, address];
      pool.run([[{ calls: [{ func: functions.step!, args }], units: 60, chunk: 1 }]], large);
      const expected = Array.from({ length: 60 }, (_, i) => i + 1);
      assert.deepEqual([...grown.subarray(address / 4, address / 4 + 60)], expected);
    }
  });
});

test("wasm pool: a table that is too long for one dispatch is cut", () => {
  withPool(2, ({ pool, functions, words }) => {
    const call = { func: functions.step!, args: [0, 0] };
    const phases = Array.from({ length: 30000 }, (): Task[] => [{ calls: [call], units: 1 }]);
    pool.run(phases, large);
    let expected = 0;
    for (let i = 0; i < phases.length; i++) expected = Math.imul(3, expected) + 1;
    assert.equal(words[0], expected);
  });
});

test("wasm pool: an error in any thread comes to the caller, and the pool works on", () => {
  for (const threads of [1, 2, 4]) {
    withPool(threads, (setting) => {
      const { pool, functions, words } = setting;
      untilJoined(setting);
      const trap: Task = { calls: [{ func: functions.trap!, args: [] }], units: 50, chunk: 1 };
      const after: Task = { calls: [{ func: functions.fill!, args: [0, 8, 5] }] };
      for (let turn = 0; turn < 100; turn++) {
        words.fill(0, 0, 8);
        assert.throws(() => pool.run([[trap], [after]], large), {
          name: "DeviceError",
          message: /^wasm: a kernel failed: RuntimeError/,
        });
        assert.deepEqual([...words.subarray(0, 8)], new Array(8).fill(0));
        pool.run([[after]], large);
        assert.deepEqual([...words.subarray(0, 8)], new Array(8).fill(5));
      }
    });
  }
});

/** Sees that a pool works, whoever takes part. */
function assertWorks({ pool, functions, words }: Setting): void {
  words.fill(5, 0, 40);
  const task: Task = { calls: [{ func: functions.step!, args: [0, 0] }], units: 40, chunk: 1 };
  pool.run([[task]], large);
  assert.deepEqual([...words.subarray(0, 40)], Array.from({ length: 40 }, (_, i) => 16 + i));
}

test("wasm pool: workers whose mailbox is full are replaced by others", () => {
  let launched = 0;
  withPool(3, (setting) => {
    for (let turn = 0; turn < 12; turn++) {
      const functions = setting.pool.register(testModule());
      assertWorks({ ...setting, functions });
      untilJoined({ ...setting, functions });
      // Those that were known before are given to the new ones too.
      assertWorks(setting);
    }
    assert.equal(setting.pool.threads, 3);
    assert.equal(setting.pool.reason, undefined);
  }, mailboxThreads(500, () => launched++));
  assert.ok(launched >= 6, `${launched} workers in all`);
});

test("wasm pool: the calling thread works alone where a mailbox has no room for a module", () => {
  withPool(3, (setting) => {
    assertWorks(setting);
    assertWorks(setting);
    assert.equal(setting.pool.threads, 1);
    assert.match(setting.pool.reason!, /^workers have no room/);
    assertWorks(setting);
  }, mailboxThreads(20));
});

test("wasm pool: the calling thread works alone when workers have failed", async () => {
  for (const found of [undefined, mailboxThreads(1 << 16)]) {
    const setting = openPool(3, found);
    const { pool } = setting;
    untilJoined(setting);
    const module = createModule();
    module.importMemory(100, 100, false);
    module.export("nothing", module.func([], undefined, () => {}));
    const { nothing } = pool.register(compileModule(module.encode()));
    assert.throws(() => pool.run([[{ calls: [{ func: nothing!, args: [] }] }]], large), /memory/);
    const deadline = performance.now() + 20000;
    while (pool.reason === undefined) {
      assert.ok(performance.now() < deadline, "nobody has heard of it");
      // Workers take in what they were given when there is something to do.
      assertWorks(setting);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.match(pool.reason, /^a worker failed: .*memory/s);
    assert.equal(pool.threads, 1);
    assertWorks(setting);
    pool.dispose();
  }
});

test("wasm pool: the calling thread works alone when a worker at rest was ended from outside", async () => {
  const started: Worker[] = [];
  const { getBuiltinModule } = process;
  class KnownWorker extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started.push(this);
    }
  }
  process.getBuiltinModule =
    ((name: "node:worker_threads") =>
      name === "node:worker_threads"
        ? { ...getBuiltinModule(name), Worker: KnownWorker }
        : getBuiltinModule(name)) as typeof getBuiltinModule;
  try {
    withPool(3, (setting) => untilJoined(setting));
    const setting = openPool(3);
    untilJoined(setting);
    assert.equal(started.length, 4, "workers that nobody but the pool knows");
    // Those of the first pool have ended when it wanted them to.
    assert.equal(setting.pool.reason, undefined);
    await started[2]!.terminate();
    const deadline = performance.now() + 20000;
    while (setting.pool.reason === undefined) {
      assert.ok(performance.now() < deadline, "nobody has heard of it");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(setting.pool.reason, "a worker failed: it was ended from outside");
    assert.equal(setting.pool.threads, 1);
    assertWorks(setting);
    setting.pool.dispose();
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});

test("wasm pool: one thread, with a reason, where the memory is not shared", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const pool = createPool({ memory, threads: 4 });
  assert.equal(pool.threads, 1);
  assert.equal(pool.reason, "the memory is not shared");
});

test("wasm pool: refuses a number of threads that makes no sense", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  for (const threads of [0, -1, 1.5, NaN]) {
    assert.throws(() => createPool({ memory, threads }), { name: "OptionError" });
  }
});

test("wasm pool: SOFTSTEP_THREADS says how many threads there are", () => {
  const before = process.env["SOFTSTEP_THREADS"];
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  try {
    process.env["SOFTSTEP_THREADS"] = "3";
    assert.equal(createPool({ memory }).threads, 3);
    assert.equal(createPool({ memory, threads: 2 }).threads, 2);
    process.env["SOFTSTEP_THREADS"] = "many";
    assert.throws(() => createPool({ memory }), {
      name: "OptionError",
      message: /^SOFTSTEP_THREADS: .*"many"/,
    });
    process.env["SOFTSTEP_THREADS"] = "";
    assert.ok(createPool({ memory }).threads >= 1);
  } finally {
    if (before === undefined) delete process.env["SOFTSTEP_THREADS"];
    else process.env["SOFTSTEP_THREADS"] = before;
  }
});

/** Runs a file of test/support in a process of its own, with some time for it. */
function runProcess(name: string): { status: number | null; stdout: string; stderr: string } {
  const file = fileURLToPath(new URL(`./support/${name}.ts`, import.meta.url));
  const argv = process.versions["deno"] === undefined
    ? process.execArgv
    : ["run", "--quiet", "--no-check", "--no-prompt"];
  return spawnSync(process.execPath, [...argv, file], { encoding: "utf8", timeout: 60000 });
}

test("wasm pool: a process with a pool rests when idle and ends by itself", () => {
  const { status, stdout, stderr } = runProcess("pool-process");
  assert.equal(status, 0, stderr);
  // Spinning workers would use three times the time that passes.
  assert.ok(Number(stdout) < 0.5, `${stdout} of a processor while idle`);
});

test("wasm pool: no wake-up is lost, with more threads than processors that sleep at once", () => {
  const { status, stdout, stderr } = runProcess("pool-stress-process");
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trim(), "done");
});
