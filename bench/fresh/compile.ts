/** In a new process: the first step of the transformer less a later one is what tracing and compiling cost. */
import process from "node:process";
import { prepareTransformer } from "../cases/transformer-step.ts";
import { openDevice } from "../devices.ts";

const { name, finish } = await openDevice(process.argv[2] ?? "cpu");
const start = performance.now();
const { step } = await prepareTransformer(name);
const first = performance.now() - start;
let later = Infinity;
for (let i = 0; i < 3; i++) {
  const before = performance.now();
  step();
  await finish();
  later = Math.min(later, performance.now() - before);
}
console.log(JSON.stringify({ compile: first - later }));
