/** The library in a browser: test/page.test.ts bundles this, as a page's script and as that of a Worker. */
import { prepare } from "../../backends/reference/prepare.ts";
import { wasmBackend } from "../../backends/wasm/mod.ts";
import { createModule } from "../../backends/wasm/module.ts";
import { compileModule } from "../../backends/wasm/module-code.ts";
import { i32 } from "../../backends/wasm/opcodes.ts";
import { createPool, inScratch } from "../../backends/wasm/pool.ts";
import { describeDevice, matmul, zeros } from "../../mod.ts";
import { registerDevice } from "../../src/backend/registry.ts";
import { bitsCases } from "./trained-bits.ts";

/** What a browser gave. */
export interface BrowserResult {
  readonly description: string;
  /** Threads that took part in a pool of as many as were asked for. */
  readonly joined: number;
  /** The start of the SHA-256 of the bits that each training run gave. */
  readonly digests: Readonly<Record<string, string>>;
}

const isWorker = typeof document === "undefined";

/** Trains with as many threads as are asked for, all of them at work. */
async function trainWith(threads: number): Promise<BrowserResult> {
  const device = `wasm of ${threads}`;
  registerDevice(device, () => wasmBackend({ prepare, threads }));
  const joined = await joinedOf(threads);
  const x = zeros([512, 512], { device });
  for (let turn = 0; turn < 12; turn++) {
    matmul(x, x);
    await rest();
  }
  const digests: Record<string, string> = {};
  for (const [name, { run }] of Object.entries(bitsCases)) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", run(device).bits));
    digests[name] = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")
      .slice(0, 16);
  }
  return { description: describeDevice(device), joined, digests };
}

/** The threads of a pool that have worked, after some time or as soon as all have. */
async function joinedOf(threads: number): Promise<number> {
  if (!crossOriginIsolated) return 1;
  const module = createModule();
  module.importMemory(0, 65536, true);
  // Takes a while, so that the calling thread does not do everything.
  const mark = module.func(["i32"], undefined, (f, address) => {
    const i = f.local("i32", i32.const(0));
    f.for(i, i32.const(20000), 1, () => f.do(i32.store(address, i32.const(1))));
  });
  module.export("mark", mark);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const pool = createPool({ memory, threads });
  const func = pool.register(compileModule(module.encode())).mark!;
  const words = new Int32Array(memory.buffer);
  const working = (): number => words.filter((word) => word !== 0).length;
  const tasks = Array.from({ length: 64 }, () => ({ calls: [{ func, args: [inScratch(0)] }] }));
  const until = performance.now() + 10_000;
  while (working() < pool.threads && performance.now() < until) {
    pool.run([tasks], { cost: Infinity, scratch: { address: 0, bytes: 64 } });
    await rest();
  }
  pool.dispose();
  return working();
}

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

if (isWorker) {
  onmessage = async ({ data }: MessageEvent<number>) => postMessage(await trainWith(data));
} else {
  const inWorker = (threads: number): Promise<BrowserResult> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(import.meta.url, { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<BrowserResult>) => {
        worker.terminate();
        resolve(data);
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(threads);
    });
  Object.assign(globalThis, { trainWith, inWorker });
}
