import type { DType } from "../../src/core/dtype.ts";
import { toBFloat16Bits } from "../../src/core/dtype.ts";
import type { Func, FuncRef, Local, ModuleBuilder, Value } from "./module.ts";
import { f32x4, f64x2, i32x4, v128 } from "./opcodes.ts";
import { wasmSupport } from "./support.ts";

export type Vector = Value<"v128">;
export type VectorLocal = Local<"v128">;

/**
 * Where vector code goes. A vector holds `lanes` elements:
 *
 * - float32, int32, uint32 in lanes of 32 bits;
 * - bool as masks of 32 bits, all ones or all zeros (in memory it is one byte, 1 or 0);
 * - bfloat16 as its 16 bits in the lower half of lanes of 32 bits;
 * - float64 in two lanes of 64 bits. A loop that touches float64 has two lanes: its vectors of other dtypes use
 *   their lower two lanes, and the others hold anything.
 */
export interface Emitter {
  readonly module: ModuleBuilder;
  readonly f: Func;
  readonly lanes: 2 | 4;
  /** A local with a constant, set once at the start of the function. */
  constant(x: Vector): VectorLocal;
  /** A new local with the value. */
  keep(x: Vector): VectorLocal;
  /** `a` where the mask has ones, `b` elsewhere. As fast as `bitselect` in V8, and far faster in JavaScriptCore. */
  choose(mask: Vector, a: Vector, b: Vector): Vector;
  /** A function of the module, made when it is first needed. */
  helper<R extends "v128" | "f64" | "i32">(name: string, make: () => FuncRef<R>): FuncRef<R>;
  /** Whether products with sums are to be fused. */
  readonly fma: boolean;
  /** Whether the code of mathematical functions stands where they are used, instead of calls. */
  readonly inlines: boolean;
  /** An emitter into another function of the module, with as many lanes. */
  into(f: Func): Emitter;
}

/** The functions of a module that loops share. */
export type Helpers = Map<string, FuncRef>;

/** Starts emitting into a function; constants are set where this is called. */
export function createEmitter(
  module: ModuleBuilder,
  helpers: Helpers,
  f: Func,
  lanes: 2 | 4,
  inlines: boolean,
): Emitter {
  const entry = f.slot();
  const constants = new Map<string, VectorLocal>();
  return {
    module,
    f,
    lanes,
    constant(x) {
      const key = JSON.stringify(x.code);
      let local = constants.get(key);
      if (local === undefined) {
        f.into(entry, () => local = f.local("v128", x));
        constants.set(key, local!);
      }
      return local!;
    },
    keep: (x) => f.local("v128", x),
    choose(mask, a, b) {
      const m = "index" in mask ? mask : f.local("v128", mask);
      return v128.or(v128.and(a, m), v128.andnot(b, m));
    },
    helper<R extends "v128" | "f64" | "i32">(name: string, make: () => FuncRef<R>) {
      let func = helpers.get(name);
      if (func === undefined) helpers.set(name, func = make());
      return func as FuncRef<R>;
    },
    fma: wasmSupport().fma === "on",
    inlines,
    into: (other) => createEmitter(module, helpers, other, lanes, inlines),
  };
}

/** A number of a dtype in all lanes. */
export function constantOf(dtype: DType, n: number): Vector {
  switch (dtype) {
    case "float32":
      return f32x4.const(n);
    case "float64":
      return f64x2.const(n);
    case "bool":
      return i32x4.const(n !== 0 ? -1 : 0);
    case "bfloat16":
      return i32x4.const(toBFloat16Bits(n));
    default:
      return i32x4.const(n);
  }
}
