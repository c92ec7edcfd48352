import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { createModule } from "../../backends/wasm/module.ts";
import { compileModule } from "../../backends/wasm/module-code.ts";
import { i32 } from "../../backends/wasm/opcodes.ts";
import {
  createPool,
  inScratch,
  type Pool,
  type RunOptions,
  type Task,
} from "../../backends/wasm/pool.ts";
import type { FoundThreads } from "../../backends/wasm/pool-start.ts";
import { createMailboxWorkers, type Launcher } from "../../backends/wasm/pool-web-workers.ts";

/** Functions over ranges of 32-bit integers in memory. */
export function testModule(): WebAssembly.Module {
  const module = createModule();
  module.importMemory(0, 65536, true);
  const at = (base: Parameters<typeof i32.add>[0], i: typeof base) =>
    i32.add(base, i32.mul(i, i32.const(4)));

  // to[i] = 3 from[i] + i + 1
  const step = module.func(["i32", "i32", "i32", "i32"], undefined, (f, to, from, begin, end) => {
    f.for(begin, end, 1, () => {
      const x = i32.add(i32.mul(i32.load(at(from, begin)), i32.const(3)), begin);
      f.do(i32.store(at(to, begin), i32.add(x, i32.const(1))));
    });
  });
  module.export("step", step);

  // to[i] = sum of from[0 .. n - 1]: everything before must be finished
  const sum = module.func(
    ["i32", "i32", "i32", "i32", "i32"],
    undefined,
    (f, to, from, n, begin, end) => {
      f.for(begin, end, 1, () => {
        const total = f.local("i32", i32.const(0));
        const i = f.local("i32", i32.const(0));
        f.for(i, n, 1, () => f.set(total, i32.add(total, i32.load(at(from, i)))));
        f.do(i32.store(at(to, begin), total));
      });
    },
  );
  module.export("sum", sum);

  // Reads past the end of the memory at range 7.
  const trap = module.func(["i32", "i32"], undefined, (f, begin, end) => {
    f.for(begin, end, 1, () => {
      f.if(i32.eq(begin, i32.const(7)), () => {
        f.do(i32.store(i32.const(-4), i32.load(i32.const(-4))));
      });
    });
  });
  module.export("trap", trap);

  // to[i] = value for i < n, without a range
  const fill = module.func(["i32", "i32", "i32"], undefined, (f, to, n, value) => {
    const i = f.local("i32", i32.const(0));
    f.for(i, n, 1, () => f.do(i32.store(at(to, i), value)));
  });
  module.export("fill", fill);
  return compileModule(module.encode());
}

/** Enough work, so that workers help. */
export const large: RunOptions = { cost: Infinity };

export interface Setting {
  readonly memory: WebAssembly.Memory;
  readonly pool: Pool;
  readonly functions: ReturnType<Pool["register"]>;
  readonly words: Int32Array;
}

/** Workers like those of browsers, which read modules from a mailbox of so many words. */
export function mailboxThreads(length: number, onLaunch: () => void = () => {}): FoundThreads {
  const launcher: Launcher = (text) => {
    const source = `import { workerData } from "node:worker_threads"; (${text})(workerData);`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
    return (start, failed) => {
      const worker = new Worker(url, { workerData: start });
      worker.on("error", failed);
      worker.unref();
      onLaunch();
      return worker;
    };
  };
  return { create: createMailboxWorkers(launcher, length) };
}

/** A pool of its own memory, with workers that are started as this runtime does it or as `found` says. */
export function openPool(threads: number, found?: FoundThreads): Setting {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  const pool = createPool({ memory, threads, ...(found && { found }) });
  assert.equal(pool.threads, threads);
  return {
    memory,
    pool,
    functions: pool.register(testModule()),
    words: new Int32Array(memory.buffer),
  };
}

/** Turns of `run` until workers have surely taken part: they need some time to start. */
export function untilJoined({ pool, functions, words }: Setting): void {
  const at = words.length - 8 * pool.threads;
  words.fill(0, at);
  const joined = () =>
    Array.from({ length: pool.threads }, (_, i) => words[at + 8 * i]).every(Boolean);
  const mark: Task = {
    calls: [{ func: functions.fill!, args: [inScratch(0), 1, 1] }, {
      func: functions.sum!,
      args: [inScratch(8), 0, 20000, 0, 1],
    }],
  };
  const scratch = { address: 4 * at, bytes: 32 };
  const deadline = performance.now() + 20000;
  while (!joined()) {
    assert.ok(performance.now() < deadline, "some workers never worked");
    pool.run([new Array(8 * pool.threads).fill(mark)], { ...large, scratch });
  }
}
