/** Shared libraries under Deno and Bun, behind one interface: nothing here throws or asks the user. */
import type { TypedArray } from "../../src/core/dtype.ts";

/** What a foreign function takes, and whether it gives text. */
export interface Signature {
  readonly parameters: readonly ("i32" | "f32" | "f64" | "buffer")[];
  readonly result: "void" | "i32" | "string";
}

/** A foreign function. */
export type ForeignFunction = (...args: (number | TypedArray)[]) => unknown;

/** A runtime that can open shared libraries. */
export interface ForeignRuntime {
  readonly platform: string;
  /** The functions, or why they cannot be had. */
  open<Name extends string>(
    path: string,
    signatures: Readonly<Record<Name, Signature>>,
  ): { readonly functions: Record<Name, ForeignFunction> } | { readonly reason: string };
}

type Symbols = Record<string, ForeignFunction>;

/** Text that a library gives is cut here. */
const longestText = 256;

interface DenoGlobal {
  readonly build: { readonly os: string };
  readonly permissions: {
    querySync(query: { name: string; path?: string }): {
      readonly state: string;
    };
  };
  dlopen(path: string, symbols: object): { readonly symbols: Symbols };
}

interface BunForeign {
  dlopen(path: string, symbols: object): { readonly symbols: Symbols };
}

interface Platform {
  readonly Deno?: DenoGlobal;
  readonly process?: {
    readonly platform: string;
    readonly versions: Readonly<Record<string, string | undefined>>;
    readonly getBuiltinModule?: (name: "bun:ffi") => BunForeign | undefined;
  };
}

/** The runtime's way to shared libraries, or why it has none. */
export function foreignRuntime(): ForeignRuntime | { readonly reason: string } {
  const { Deno, process } = globalThis as Platform;
  if (Deno !== undefined) return runtimeOfDeno(Deno);
  if (process?.versions["bun"] !== undefined) {
    // Not an import: other runtimes and bundlers know no such module.
    const foreign = process.getBuiltinModule?.("bun:ffi");
    if (foreign !== undefined) return runtimeOfBun(foreign, process.platform);
  }
  return {
    reason: `no FFI in ${process?.versions["node"] === undefined ? "this runtime" : "Node"}`,
  };
}

function runtimeOfDeno(Deno: DenoGlobal): ForeignRuntime {
  return {
    platform: Deno.build.os,
    open(path, signatures) {
      if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") {
        return { reason: `${path}: no permission (--allow-ffi)` };
      }
      const declared = declare(signatures, ({ parameters, result }) => ({
        parameters,
        result: result === "string" ? "pointer" : result,
      }));
      return attempt(path, () => {
        const { symbols } = Deno.dlopen(path, declared);
        return mapFunctions(signatures, symbols, (call) => {
          // Every library leads to C's own. Deno's way to read text takes permission for all libraries, not for one.
          const copies = Deno.dlopen(path, {
            strncpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
          });
          const copy = copies.symbols["strncpy"]!;
          return (...args) => {
            const bytes = new Uint8Array(longestText);
            copy(bytes, call(...args) as number, longestText);
            return new TextDecoder().decode(bytes).replace(/\0.*/s, "");
          };
        });
      });
    },
  };
}

function runtimeOfBun({ dlopen }: BunForeign, platform: string): ForeignRuntime {
  return {
    platform,
    open(path, signatures) {
      const declared = declare(signatures, ({ parameters, result }) => ({
        args: parameters.map((parameter) => parameter === "buffer" ? "ptr" : parameter),
        returns: result === "string" ? "cstring" : result,
      }));
      return attempt(path, () => {
        const { symbols } = dlopen(path, declared);
        return mapFunctions(
          signatures,
          symbols,
          (call) => (...args) => String(call(...args) ?? ""),
        );
      });
    },
  };
}

function declare(
  signatures: Readonly<Record<string, Signature>>,
  declaration: (signature: Signature) => object,
): object {
  return Object.fromEntries(
    Object.entries(signatures).map(([name, signature]) => [name, declaration(signature)]),
  );
}

/** The functions as the runtime made them, since a wrapper would cost a call; those that give text are wrapped. */
function mapFunctions<Name extends string>(
  signatures: Readonly<Record<Name, Signature>>,
  symbols: Symbols,
  reading: (call: ForeignFunction) => ForeignFunction,
): Record<Name, ForeignFunction> {
  return Object.fromEntries(
    Object.entries<Signature>(signatures).map(([name, { result }]) => {
      const call = symbols[name]!;
      return [name, result === "string" ? reading(call) : call];
    }),
  ) as Record<Name, ForeignFunction>;
}

function attempt<Functions>(
  path: string,
  open: () => Functions,
): { readonly functions: Functions } | { readonly reason: string } {
  try {
    return { functions: open() };
  } catch (error) {
    return { reason: `${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
