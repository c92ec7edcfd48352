import { createModule } from "./module.ts";
import { i32x4 } from "./opcodes.ts";

/** What this runtime offers to the WebAssembly backend. */
export interface WasmSupport {
  /** Why the backend cannot run; undefined where it can. */
  readonly missing: string | undefined;
  /** Whether memory can be shared with threads. */
  readonly shared: boolean;
  /**
   * Whether the engine makes good code of large loops. V8 does; JavaScriptCore (Bun, Safari) runs loops with several
   * mathematical functions in them up to twice as fast if it calls them.
   */
  readonly inlines: boolean;
}

let known: WasmSupport | undefined;

/** Finds out, once, whether WebAssembly with vectors runs here. */
export function wasmSupport(): WasmSupport {
  return known ??= {
    missing: findMissing(),
    shared: typeof SharedArrayBuffer !== "undefined",
    inlines: !isJavaScriptCore(),
  };
}

function findMissing(): string | undefined {
  if (typeof WebAssembly === "undefined") return "this runtime has no WebAssembly";
  const module = createModule();
  module.func([], "i32", (f) => f.return(i32x4.extract_lane(i32x4.const(0), 0)));
  if (!WebAssembly.validate(module.encode())) {
    return "the WebAssembly of this runtime has no vector instructions (SIMD)";
  }
  return undefined;
}

function isJavaScriptCore(): boolean {
  const { navigator } = globalThis as { navigator?: { readonly vendor?: string } };
  return "Bun" in globalThis || navigator?.vendor?.startsWith("Apple") === true;
}
