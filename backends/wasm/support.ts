import { OptionError } from "../../src/core/errors.ts";
import { environmentVariable } from "../../src/core/environment.ts";
import { createModule } from "./module.ts";
import { f32x4, i32x4 } from "./opcodes.ts";

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
  /**
   * Whether products with sums are fused: only if the environment variable SOFTSTEP_FMA is "on", because the bits then
   * depend on the runtime. Even with the instruction, not all runtimes fuse.
   */
  readonly fma: "on" | "off" | "missing";
}

let known: WasmSupport | undefined;

/** Finds out, once, whether WebAssembly with vectors runs here. */
export function wasmSupport(): WasmSupport {
  return known ??= {
    missing: findMissing(),
    shared: typeof SharedArrayBuffer !== "undefined",
    inlines: !isJavaScriptCore(),
    fma: fusedMultiplyAdd(),
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

function fusedMultiplyAdd(): WasmSupport["fma"] {
  const asked = environmentVariable("SOFTSTEP_FMA") || "off";
  if (asked !== "on" && asked !== "off") {
    throw new OptionError(
      "SOFTSTEP_FMA",
      `expected "on" or "off", but got ${JSON.stringify(asked)}`,
    );
  }
  if (asked === "off" || typeof WebAssembly === "undefined") return "off";
  const module = createModule();
  const zero = i32x4.const(0);
  module.func([], "v128", (f) => f.return(f32x4.relaxed_madd(zero, zero, zero)));
  return WebAssembly.validate(module.encode()) ? "on" : "missing";
}

function isJavaScriptCore(): boolean {
  const { navigator } = globalThis as { navigator?: { readonly vendor?: string } };
  return "Bun" in globalThis || navigator?.vendor?.startsWith("Apple") === true;
}
