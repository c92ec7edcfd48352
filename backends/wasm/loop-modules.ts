import type { Loop } from "../../src/backend/loop.ts";
import { formOf, type LoopForm } from "../../src/backend/loop-form.ts";
import type { Helpers } from "./emitter.ts";
import { emitBatch } from "./loop-batch.ts";
import { emitLoop } from "./loop.ts";
import { createModule } from "./module.ts";
import { compileModule } from "./module-code.ts";
import type { Pool, PoolFunction } from "./pool.ts";
import type { WasmSupport } from "./support.ts";

/** A function of numbers, for this thread and for the pool. */
export interface LoopFunction {
  readonly run: (...args: number[]) => void;
  readonly func: PoolFunction;
}

/** What all loops of one form share. */
export interface LoopCode {
  /** `run(addresses..., begin, end)`. */
  readonly single: LoopFunction;
  /** As `emitBatch` says; where some program has many loops of this form. */
  readonly batch: LoopFunction | undefined;
}

/** A loop nest made ready. */
export interface CompiledLoop {
  readonly code: LoopCode;
  /** The buffers whose addresses it takes, in order. */
  readonly buffers: readonly number[];
  /** The extent of the outermost axis, which `begin` and `end` divide. */
  readonly extent: number;
}

/** Code that is kept, and the places of a form's buffers among its parameters. */
interface Known extends LoopCode {
  readonly parameters: readonly number[];
}

/** Code depends on how long the outermost axis is only below this: elsewhere by how many vectors a turn takes. */
const longest = 64;

/** How many pieces of code are kept for programs to come. */
const limit = 4096;

/** Compiles loops for one memory; loops of one form once. */
export function createLoopCompiler(
  memory: WebAssembly.Memory,
  { shared, inlines }: WasmSupport,
  pool: Pool,
): (loops: readonly Loop[]) => readonly CompiledLoop[] {
  const known = new Map<string, Known>();

  /** All in one module. */
  function compile(forms: readonly { readonly loop: Loop; readonly repeated: boolean }[]): Known[] {
    const module = createModule();
    module.importMemory(0, 65536, shared);
    const helpers: Helpers = new Map();
    const codes = forms.map(({ loop, repeated }, i) => {
      const { func, buffers } = emitLoop(module, helpers, loop, inlines);
      module.export(`loop${i}`, func);
      if (repeated) module.export(`batch${i}`, emitBatch(module, func, buffers.length));
      return buffers;
    });
    const compiled = compileModule(module.encode());
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    const pooled = pool.register(compiled);
    const functionOf = (name: string): LoopFunction => ({
      run: exports[name] as LoopFunction["run"],
      func: pooled[name]!,
    });
    return codes.map((parameters, i) => ({
      single: functionOf(`loop${i}`),
      batch: forms[i]!.repeated ? functionOf(`batch${i}`) : undefined,
      parameters,
    }));
  }

  function keep(key: string, code: Known): void {
    known.delete(key);
    if (known.size >= limit) known.delete(known.keys().next().value!);
    known.set(key, code);
  }

  return (loops) => {
    const forms = loops.map((loop) => formOf(loop, longest));
    const groups = new Map<string, LoopForm[]>();
    for (const form of forms) {
      const group = groups.get(form.key);
      if (group === undefined) groups.set(form.key, [form]);
      else group.push(form);
    }
    const codes = new Map<string, Known>();
    const missing: { key: string; loop: Loop; repeated: boolean }[] = [];
    for (const [key, [form, ...others]] of groups) {
      const repeated = others.length > 0;
      const code = known.get(key);
      if (code === undefined || (repeated && code.batch === undefined)) {
        missing.push({ key, loop: form!.loop, repeated });
      } else {
        codes.set(key, code);
      }
    }
    if (missing.length > 0) {
      compile(missing).forEach((code, i) => {
        codes.set(missing[i]!.key, code);
        keep(missing[i]!.key, code);
      });
    }
    return forms.map(({ key, buffers, extent }) => {
      const code = codes.get(key)!;
      return { code, buffers: code.parameters.map((each) => buffers[each]!), extent };
    });
  };
}
