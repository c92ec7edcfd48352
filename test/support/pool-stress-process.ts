// Many dispatches in a pool with more threads than processors, of tasks that take very different times. Threads never
// look twice before they go to sleep, and wait to be woken for ever: a wake-up that is lost ends in a standstill.
import assert from "node:assert/strict";
import { layout } from "../../backends/wasm/pool-work.ts";
import type { Task } from "../../backends/wasm/pool.ts";
import { large, openPool, untilJoined } from "./pool.ts";

Object.assign(layout, { spins: 0, patience: Infinity });
const setting = openPool(7);
const { pool, functions, words } = setting;
untilJoined(setting);

let state = 1;
const random = (n: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return (state >>> 8) % n;
};
const slots = 64;
const pause = () => new Promise((resolve) => setTimeout(resolve, random(3)));
for (let turn = 0; turn < 2000; turn++) {
  if (random(100) === 0) await pause();
  const phases = Array.from({ length: 1 + random(4) }, () => 1 + random(12));
  words.fill(turn, 0, slots);
  const expected = new Int32Array(words.subarray(0, slots));
  const tasks = phases.map((length): Task[] => {
    for (let i = 0; i < length; i++) expected[i] = 3 * expected[i]! + i + 1 | 0;
    // Most chunks take no time at all, some take so long that the others have to sleep.
    const busy = Array.from({ length: random(5) }, (): Task => {
      const n = random(4) === 0 ? 300_000 : random(3000);
      return { calls: [{ func: functions.sum!, args: [4 * slots, 4 * slots, n, 0, 1] }] };
    });
    const steps: Task = {
      calls: [{ func: functions.step!, args: [0, 0] }],
      units: length,
      chunk: 1 + random(3),
    };
    return random(2) === 0 ? [steps, ...busy] : [...busy, steps];
  });
  pool.run(tasks, large);
  assert.deepEqual(words.slice(0, slots), expected);
}
pool.dispose();
console.log("done");
