// Leaves a pool of workers behind. Prints how much of a processor the process uses while it is idle.
import process from "node:process";
import { defaultThreads } from "../../backends/wasm/pool-threads.ts";
import { openPool, untilJoined } from "./pool.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Without permission to read the environment, Deno must not ask for it.
defaultThreads();
untilJoined(openPool(4));
await pause(200);
const begun = performance.now();
const before = process.cpuUsage();
await pause(500);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000 / (performance.now() - begun));
