import process from "node:process";
import { createInterface } from "node:readline";
import { medianTime } from "../measure.ts";

/**
 * Answers the line protocol of `../child.ts` until the input ends.
 *
 * `cases` makes something ready by its name: `{ step, check, note?, release? }`, or a text that says why not.
 */
export async function serve(cases) {
  let prepared;
  const answer = async (words) => {
    const [request, name, ...rest] = words;
    if (request === "prepare") {
      if (cases[name] === undefined) return { ready: false, reason: "has nothing of the kind" };
      const numbers = Object.fromEntries(
        rest.map((word) => word.split("=")).map(([key, value]) => [key, Number(value)]),
      );
      prepared = await cases[name](numbers);
      if (typeof prepared === "string") return { ready: false, reason: prepared };
      return { ready: true, check: prepared.check, note: prepared.note };
    }
    if (request === "sample") return { median: await medianTime(prepared.step, Number(name)) };
    prepared?.release?.();
    prepared = undefined;
    return {};
  };
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(line.trim().split(" "))));
  }
}

/** Prints what a run in a process of its own found. */
export function report(milliseconds) {
  console.log(JSON.stringify(milliseconds));
}

/** The first step of a training step less a later one, in milliseconds. */
export async function compileTime(prepare) {
  const start = performance.now();
  const { step } = await prepare();
  const first = performance.now() - start;
  let later = Infinity;
  for (let i = 0; i < 3; i++) {
    const before = performance.now();
    await step();
    later = Math.min(later, performance.now() - before);
  }
  return first - later;
}
