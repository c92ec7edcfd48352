export { wasmBackend, type WasmOptions } from "./backend.ts";
export { type WasmSupport, wasmSupport } from "./support.ts";
