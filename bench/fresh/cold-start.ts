/** In a new process: how long importing the library takes, then a small compiled function and its result. */
import process from "node:process";

const start = performance.now();
const { jit, sum, tensor } = await import("../../mod.ts");
const imported = performance.now();
const device = process.argv[2] ?? "cpu";
const x = tensor([1, 2, 3], { device });
const value = jit((v: typeof x) => sum(v.mul(v)))(x).item();
const done = performance.now();
if (value !== 14) throw new Error(`the sum of squares is ${value}; expected 14`);
console.log(JSON.stringify({ import: imported - start, first: done - imported }));
