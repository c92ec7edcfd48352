/** In a new process: how long importing the library takes, then a small compiled function and its result. */
import process from "node:process";

const start = performance.now();
const { device: open, jit, sum, tensor } = await import("../../mod.ts");
const imported = performance.now();
const [kind, compiler] = (process.argv[2] ?? "cpu").split(":");
const options = compiler === undefined ? {} : { compiler: compiler as "wgsl" | "gpujs" };
const device = await open(kind!, options);
const x = tensor([1, 2, 3], { device });
const value = await jit((v: typeof x) => sum(v.mul(v)))(x).number();
const done = performance.now();
if (value !== 14) throw new Error(`the sum of squares is ${value}; expected 14`);
console.log(JSON.stringify({ import: imported - start, first: done - imported }));
