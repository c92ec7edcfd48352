import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoopCode } from "../backends/wasm/loop-modules.ts";
import type { Pool, PoolFunction, Task } from "../backends/wasm/pool.ts";
import { schedule, type Step } from "../backends/wasm/schedule.ts";
import type { BufferPlan } from "../src/backend/program.ts";

const input = (index: number): BufferPlan => ({ kind: "input", input: index, byteLength: 64 });
const arena = (byteOffset: number): BufferPlan => ({ kind: "arena", byteOffset, byteLength: 64 });

interface Made {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly cost: number;
  readonly divisible?: boolean;
  /** A loop of this form. */
  readonly form?: LoopCode;
}

/**
 * What was run: names of steps; in the pool phases of tasks, "/" between calls, "+" between loops that are one, "*"
 * where a step is divided.
 */
function runSteps(
  made: readonly (Made | "other")[],
  buffers: readonly BufferPlan[],
  threads = 4,
): { log: unknown[]; scratchBytes: number; together: readonly number[] } {
  const log: unknown[] = [];
  const named = (task: Task) =>
    task.calls.map(({ args }) => args[0]).join("/") + (task.units === undefined ? "" : "*");
  const pool: Pool = {
    threads,
    reason: undefined,
    register: () => ({}),
    run: (phases) => void log.push(phases.map((tasks) => tasks.map(named))),
    dispose() {},
  };
  const func: PoolFunction = { id: 0, from: undefined as never };
  const numbers = new Map<Step, string>();
  const stepOf = (name: string, { form, ...each }: Made): Step => {
    const tasks = (divided: boolean) => {
      const calls = [{ func, args: [name as unknown as number] }];
      return { tasks: [divided ? { calls, units: 100, chunk: 10 } : { calls }], place() {} };
    };
    const step: Step = {
      run: () => void log.push(name),
      shared: { divisible: true, ...each, tasks },
      ...(form === undefined ? {} : { loop: { code: form, buffers: [], extent: 1 } }),
    };
    numbers.set(step, name);
    return step;
  };
  const steps = made.map((each, i): Step =>
    each === "other" ? { run: () => void log.push(each) } : stepOf(`${i}`, each)
  );
  const join = (loops: readonly Step[]): Step =>
    stepOf(loops.map((loop) => numbers.get(loop)).join("+"), {
      reads: loops.flatMap(({ shared }) => shared!.reads),
      writes: loops.flatMap(({ shared }) => shared!.writes),
      cost: loops.reduce((sum, { shared }) => sum + shared!.cost, 0),
    });
  const { runs, scratchBytes, together } = schedule(steps, buffers, pool, 128, join);
  for (const run of runs) run([], 0);
  return { log, scratchBytes, together };
}

/** The form of loops that are equal to each other and to no others. */
function newForm(): LoopCode {
  const func: PoolFunction = { id: 0, from: undefined as never };
  const single = { run() {}, func };
  return { single, batch: single };
}

const large = 1e6;
const small = 1e3;

test("wasm schedule: little work, or one thread, runs step by step", () => {
  const buffers = [input(0), input(1)];
  const step = { reads: [0], writes: [1] };
  assert.deepEqual(runSteps([{ ...step, cost: small }, { ...step, cost: small }], buffers), {
    log: ["0", "1"],
    scratchBytes: 128,
    together: [1, 1],
  });
  assert.deepEqual(runSteps([{ ...step, cost: large }], buffers, 1), {
    log: ["0"],
    scratchBytes: 128,
    together: [1],
  });
  assert.deepEqual(runSteps([{ ...step, cost: large, divisible: false }], buffers).log, ["0"]);
});

test("wasm schedule: steps share a phase unless one depends on another", () => {
  const buffers = [input(0), input(1), input(2), input(3)];
  const cost = large;
  const { log, scratchBytes } = runSteps([
    { reads: [0], writes: [1], cost },
    { reads: [0], writes: [2], cost },
    { reads: [1], writes: [3], cost }, // reads what was written
    { reads: [2], writes: [1], cost }, // writes what is being read
    { reads: [2], writes: [1], cost }, // writes what is being written
  ], buffers);
  assert.deepEqual(log, [[["0*", "1*"], ["2*"], ["3*"], ["4*"]]]);
  assert.equal(scratchBytes, 4 * 128);
});

test("wasm schedule: buffers that lie over each other in the arena are one", () => {
  const buffers = [input(0), arena(0), arena(64), arena(32)];
  const cost = large;
  const steps = [1, 2, 3].map((buffer) => ({ reads: [0], writes: [buffer], cost }));
  assert.deepEqual(runSteps(steps, buffers).log, [[["0*", "1*"], ["2*"]]]);
});

test("wasm schedule: small steps are put together", () => {
  const buffers = Array.from({ length: 10 }, (_, i) => input(i));
  const chain = [2, 3, 4].map((buffer) => ({ reads: [buffer - 1], writes: [buffer], cost: small }));
  const { log } = runSteps([
    { reads: [0], writes: [1], cost: large },
    ...chain,
    { reads: [4], writes: [5], cost: large },
    { reads: [4], writes: [6], cost: small },
    { reads: [4], writes: [7], cost: small },
    { reads: [6], writes: [8], cost: small },
  ], buffers);
  assert.deepEqual(log, [[["0*"], ["1/2/3"], ["4*", "5/6"], ["7"]]]);
});

test("wasm schedule: many independent steps become tasks of some size", () => {
  const buffers = Array.from({ length: 401 }, (_, i) => input(i));
  const steps = Array.from(
    { length: 400 },
    (_, i) => ({ reads: [0], writes: [i + 1], cost: small }),
  );
  const [phases] = runSteps(steps, buffers).log as string[][][];
  assert.equal(phases!.length, 1);
  assert.ok(phases![0]!.length >= 8);
  const order = phases![0]!.flatMap((task) => task.split("/").map(Number));
  assert.deepEqual(order, steps.map((_, i) => i));
});

test("wasm schedule: steps that cannot be shared run in between", () => {
  const buffers = [input(0), input(1)];
  const step = { reads: [0], writes: [1], cost: large };
  assert.deepEqual(runSteps([step, "other", step], buffers).log, [[["0*"]], "other", [["2*"]]]);
});

test("wasm schedule: chains that take turns in the program are phases of all of them", () => {
  const buffers = Array.from({ length: 12 }, (_, i) => input(i));
  const chains = [0, 3, 6, 9].flatMap((first) =>
    [1, 2].map((next) => ({ reads: [first + next - 1], writes: [first + next], cost: large }))
  );
  assert.deepEqual(runSteps(chains, buffers).log, [
    [["0*", "2*", "4*", "6*"], ["1*", "3*", "5*", "7*"]],
  ]);
});

test("wasm schedule: a step waits for buffers that lie over its own, before or behind, however long", () => {
  const long: BufferPlan = { kind: "arena", byteOffset: 0, byteLength: 640 };
  const buffers = [input(0), long, arena(576), arena(640), arena(512)];
  const steps = [1, 2, 3, 4].map((buffer) => ({ reads: [0], writes: [buffer], cost: large }));
  assert.deepEqual(runSteps(steps, buffers).log, [[["0*", "2*"], ["1*", "3*"]]]);
});

test("wasm schedule: loops of one form in a phase are one step, on several threads and on one", () => {
  const buffers = Array.from({ length: 9 }, (_, i) => input(i));
  const [form, other] = [newForm(), newForm()];
  const steps = [
    { reads: [0], writes: [1], cost: large, form },
    { reads: [0], writes: [2], cost: large, form: other },
    { reads: [0], writes: [3], cost: large, form },
    { reads: [3], writes: [4], cost: large, form }, // waits
    { reads: [0], writes: [5], cost: large, form },
    { reads: [0], writes: [6], cost: large },
    { reads: [0], writes: [7], cost: large },
  ];
  const together = [3, 1, 3, 1, 3, 1, 1];
  const shared = runSteps(steps, buffers);
  assert.deepEqual(shared.log, [[["0+2+4*", "1*", "5*", "6*"], ["3*"]]]);
  assert.deepEqual(shared.together, together);
  const alone = runSteps(steps, buffers, 1);
  assert.deepEqual(alone.log, ["0+2+4", "1", "5", "6", "3"]);
  assert.deepEqual(alone.together, together);
});
