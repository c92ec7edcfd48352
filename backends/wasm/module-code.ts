/** The code of a module: a thread that cannot be sent a module while it waits compiles its own. */
const codes = /* @__PURE__ */ new WeakMap<WebAssembly.Module, Uint8Array<ArrayBuffer>>();

/** Compiles, and remembers the code. */
export function compileModule(code: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  const module = new WebAssembly.Module(code);
  codes.set(module, code);
  return module;
}

/** The code that `compileModule` made it of. */
export function codeOf(module: WebAssembly.Module): Uint8Array<ArrayBuffer> {
  const code = codes.get(module);
  if (code === undefined) throw new Error("codeOf: the module was not compiled by compileModule");
  return code;
}
