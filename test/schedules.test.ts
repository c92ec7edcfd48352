import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  constantSchedule,
  cosineDecaySchedule,
  jit,
  linearSchedule,
  type Schedule,
  tensor,
  warmupCosineDecaySchedule,
} from "../mod.ts";
import { readGolden } from "./support/golden.ts";

interface Case {
  readonly schedule: string;
  readonly options: Readonly<Record<string, number>>;
  readonly values: readonly number[];
}

const golden = readGolden<{ counts: readonly number[]; schedules: readonly Case[] }>(
  "schedules.json",
);

/** The schedule of a golden case; undefined where softstep has none with these options. */
function make({ schedule, options }: Case): Schedule | undefined {
  const number = (name: string): number =>
    options[name] ?? assert.fail(`${schedule} has no ${name}`);
  switch (schedule) {
    case "constant":
      return constantSchedule(number("value"));
    case "cosineDecay":
      return cosineDecaySchedule({
        ...options,
        initValue: number("initValue"),
        decaySteps: number("decaySteps"),
      });
    case "warmupCosineDecay":
      return warmupCosineDecaySchedule({
        ...options,
        initValue: number("initValue"),
        peakValue: number("peakValue"),
        warmupSteps: number("warmupSteps"),
        decaySteps: number("decaySteps"),
      });
    case "linear":
      if (options["transitionBegin"] !== undefined || options["transitionSteps"] === 0) {
        return undefined;
      }
      return linearSchedule({
        initValue: number("initValue"),
        endValue: number("endValue"),
        transitionSteps: number("transitionSteps"),
      });
    default:
      return undefined;
  }
}

const made = golden.schedules.flatMap((each) => {
  const schedule = make(each);
  return schedule === undefined ? [] : [{ ...each, at: schedule }];
});

test("schedules: give optax's values", () => {
  assert.ok(made.length >= 10, `${made.length} schedules`);
  for (const { schedule, options, values, at } of made) {
    golden.counts.forEach((count, i) => {
      const where = `${schedule} ${JSON.stringify(options)} at ${count}`;
      const expected = values[i]!;
      const exact = at(tensor(count, { dtype: "float64" })).item();
      assert.ok(
        Math.abs(exact - expected) <= 1e-14 * Math.max(1, Math.abs(expected)),
        `${where}: ${exact}`,
      );
      for (const single of [at(count), at(tensor(count)), at(tensor(count, { dtype: "int32" }))]) {
        assert.equal(single.dtype, "float32", where);
        const difference = Math.abs(single.item() - expected);
        assert.ok(
          difference <= 1e-6 * Math.max(1, Math.abs(expected)),
          `${where}: ${single.item()}`,
        );
      }
    });
  }
});

test("schedules: give scalars of the count's floating dtype, with the same bits inside jit", () => {
  for (const { schedule, at } of made) {
    const compiled = jit((count: ReturnType<typeof tensor>) => at(count));
    for (const count of [0, 3, 7, 1000]) {
      for (const dtype of ["float32", "float64"] as const) {
        const plain = at(tensor(count, { dtype }));
        assert.deepEqual([plain.shape, plain.dtype], [[], dtype], schedule);
        assert.equal(
          compiled(tensor(count, { dtype })).item(),
          plain.item(),
          `${schedule} at ${count}`,
        );
      }
    }
  }
});

const positive = fc.integer({ min: 1, max: 1000 });
const value = fc.double({ min: -10, max: 10, noNaN: true });
const at = (schedule: Schedule, count: number) =>
  schedule(tensor(count, { dtype: "float64" })).item();

test("schedules: a warm-up reaches its peak, then the cosine reaches the end and stays", () => {
  const values = fc.record({
    initValue: value,
    peakValue: fc.oneof(value, fc.constant(0)),
    endValue: value,
  });
  fc.assert(fc.property(values, positive, positive, (ends, warmupSteps, rest) => {
    const { initValue, peakValue, endValue } = ends;
    const decaySteps = warmupSteps + rest;
    const schedule = warmupCosineDecaySchedule({
      initValue,
      peakValue,
      endValue,
      warmupSteps,
      decaySteps,
    });
    const near = (count: number, expected: number) =>
      assert.ok(
        Math.abs(at(schedule, count) - expected) < 1e-12,
        `at ${count}: ${at(schedule, count)}`,
      );
    near(0, initValue);
    near(warmupSteps, peakValue);
    near(decaySteps, endValue);
    near(decaySteps + 1e6, endValue);
  }));
});

test("schedules: a line is linear between its ends", () => {
  fc.assert(fc.property(value, value, positive, (initValue, endValue, transitionSteps) => {
    const schedule = linearSchedule({ initValue, endValue, transitionSteps });
    for (const count of [0, 1, transitionSteps / 2, transitionSteps, transitionSteps + 5]) {
      const share = Math.min(count / transitionSteps, 1);
      const expected = initValue + (endValue - initValue) * share;
      assert.ok(Math.abs(at(schedule, count) - expected) < 1e-12);
    }
  }));
});

test("schedules: refuse wrong options by name and value", () => {
  const bad: [() => unknown, RegExp][] = [
    [() => constantSchedule(NaN), /^constantSchedule: value is NaN; expected a finite number/],
    [() => constantSchedule("1" as never), /^constantSchedule: value is "1"; expected/],
    [
      () => linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 0 }),
      /^linearSchedule: transitionSteps is 0; expected a number > 0/,
    ],
    [
      () => linearSchedule({ initValue: 0, endValue: Infinity, transitionSteps: 1 }),
      /^linearSchedule: endValue is Infinity/,
    ],
    [
      () => linearSchedule({ endValue: 0, transitionSteps: 1 } as never),
      /^linearSchedule: initValue is undefined/,
    ],
    [
      () => cosineDecaySchedule({ initValue: 1, decaySteps: -1 }),
      /^cosineDecaySchedule: decaySteps is -1; expected a number > 0/,
    ],
    [
      () => cosineDecaySchedule({ initValue: 1, decaySteps: 1, alpha: NaN }),
      /^cosineDecaySchedule: alpha is NaN/,
    ],
    [
      () => cosineDecaySchedule({ initValue: 1, decaySteps: 1, steps: 3 } as never),
      /^cosineDecaySchedule: unknown option "steps"; expected one of initValue, decaySteps/,
    ],
    [
      () =>
        warmupCosineDecaySchedule({ initValue: 0, peakValue: 1, warmupSteps: 5, decaySteps: 5 }),
      /^warmupCosineDecaySchedule: decaySteps is 5; expected a number above warmupSteps \(5\)/,
    ],
    [
      () =>
        warmupCosineDecaySchedule({ initValue: 0, peakValue: 1, warmupSteps: -1, decaySteps: 5 }),
      /^warmupCosineDecaySchedule: warmupSteps is -1; expected a finite number >= 0/,
    ],
  ];
  for (const [call, message] of bad) assert.throws(call, { name: "OptionError", message });
});
