import type { Loop } from "../../src/backend/loop.ts";
import type { Helpers } from "./emitter.ts";
import { emitLoop } from "./loop.ts";
import { createModule } from "./module.ts";
import type { Pool, PoolFunction } from "./pool.ts";
import type { WasmSupport } from "./support.ts";

/** A loop nest made ready: `run(addresses..., begin, end)`. */
export interface CompiledLoop {
  readonly run: (...args: number[]) => void;
  /** The same, for the pool. */
  readonly func: PoolFunction;
  /** The buffers whose addresses it takes, in order. */
  readonly buffers: readonly number[];
  /** The extent of the outermost axis, which `begin` and `end` divide. */
  readonly extent: number;
}

/** Compiles loops for one memory; equal lists of loops once. */
export function createLoopCompiler(
  memory: WebAssembly.Memory,
  { shared, inlines }: WasmSupport,
  pool: Pool,
): (loops: readonly Loop[]) => readonly CompiledLoop[] {
  const known = new Map<string, readonly CompiledLoop[]>();
  const limit = 1024;

  function compile(loops: readonly Loop[]): readonly CompiledLoop[] {
    const module = createModule();
    module.importMemory(0, 65536, shared);
    const helpers: Helpers = new Map();
    const codes = loops.map((loop) => emitLoop(module, helpers, loop, inlines));
    codes.forEach(({ func }, i) => module.export(`loop${i}`, func));
    const compiled = new WebAssembly.Module(module.encode());
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    const pooled = pool.register(compiled);
    return codes.map(({ buffers, extent }, i) => ({
      run: exports[`loop${i}`] as CompiledLoop["run"],
      func: pooled[`loop${i}`]!,
      buffers,
      extent,
    }));
  }

  return (loops) => {
    if (loops.length === 0) return [];
    const key = JSON.stringify(loops, spell);
    let compiled = known.get(key);
    if (compiled === undefined) {
      compiled = compile(loops);
      if (known.size >= limit) known.delete(known.keys().next().value!);
      known.set(key, compiled);
    }
    return compiled;
  };
}

/** JSON has no word for some numbers. */
function spell(_: string, value: unknown): unknown {
  const isPlain = typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0));
  return isPlain ? value : Object.is(value, -0) ? "-0" : String(value);
}
