import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OptionError } from "../src/core/errors.ts";
import { formatCount, formatDuration, formatNumber } from "../src/train/number-format.ts";
import { formatProgress, type Progress } from "../src/train/progress.ts";
import { formatTable } from "../src/train/table.ts";

const NORMAL: Progress = {
  label: "s3 10x",
  step: 37,
  steps: 300,
  loss: 2.4183,
  stepsPerSecond: 24.25,
  secondsLeft: 95,
  width: 100,
};

test("formatProgress never exceeds its width and stays on one line", () => {
  fc.assert(fc.property(
    fc.record({
      label: fc.string({ unit: "binary", maxLength: 30 }),
      step: fc.nat(1000),
      loss: fc.double(),
      stepsPerSecond: fc.double(),
      secondsLeft: fc.double(),
      width: fc.integer({ min: 1, max: 200 }),
      ascii: fc.boolean(),
    }),
    (progress) => {
      const line = formatProgress({ ...progress, steps: 1000 });
      assert.ok(Array.from(line).length <= progress.width, line);
      // deno-lint-ignore no-control-regex -- looks for what must not be there
      assert.doesNotMatch(line, /[\u0000-\u001f]/);
    },
  ));
});

test("formatProgress keeps every number in its columns while a run goes on", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 300 }),
    fc.oneof(fc.double({ min: 0, max: 999, noNaN: true }), fc.constantFrom(NaN, Infinity)),
    fc.double({ min: 0, max: 999, noNaN: true }),
    fc.oneof(fc.double({ min: 0, max: 1e5, noNaN: true }), fc.constant(NaN)),
    fc.integer({ min: 30, max: 120 }),
    (step, loss, stepsPerSecond, secondsLeft, width) => {
      const columns = (line: string): number[] =>
        ["/300", "loss", "steps/s", "left"].map((word) => line.indexOf(word));
      const line = formatProgress({ ...NORMAL, step, loss, stepsPerSecond, secondsLeft, width });
      const other = formatProgress({ ...NORMAL, width });
      assert.deepEqual([line.length, ...columns(line)], [other.length, ...columns(other)]);
    },
  ));
});

test("formatProgress draws a full, a half and an empty bar", () => {
  const bar = (step: number, ascii: boolean): string =>
    formatProgress({ ...NORMAL, step, ascii }).split("  ")[1]!;
  assert.match(bar(0, true), /^\[-+\]$/);
  assert.match(bar(300, true), /^\[#+\]$/);
  assert.match(bar(150, true), /^\[(#+)-+\]$/);
  assert.match(bar(0, false), /^─+$/);
  assert.match(bar(300, false), /^━+$/);
  assert.equal(bar(150, true).length, bar(0, true).length);
});

test("formatProgress is plain ASCII when asked", () => {
  for (let width = 1; width < 120; width++) {
    assert.match(formatProgress({ ...NORMAL, width, ascii: true }), /^[ -~]+$/);
  }
});

test("formatProgress shows a loss that is not finite", () => {
  assert.match(formatProgress({ ...NORMAL, loss: NaN }), /loss +NaN/);
  assert.match(formatProgress({ ...NORMAL, loss: Infinity }), /loss +Infinity/);
});

test("formatProgress rejects what cannot be drawn", () => {
  const wrong: Partial<Progress>[] = [
    { steps: 0 },
    { step: -1 },
    { step: 301 },
    { step: 0.5 },
    { width: 0 },
    { width: NaN },
  ];
  for (const change of wrong) {
    const [name] = Object.keys(change);
    assert.throws(
      () => formatProgress({ ...NORMAL, ...change }),
      (error) => error instanceof OptionError && error.message.includes(`${name} is `),
    );
  }
});

test("formatNumber keeps the significant digits of every finite number", () => {
  fc.assert(fc.property(
    fc.double({ min: -1e307, max: 1e307, noNaN: true }),
    fc.integer({ min: 1, max: 12 }),
    (value, digits) => {
      const back = Number(formatNumber(value, digits));
      assert.ok(Math.abs(back - value) <= Math.abs(value) * 0.51 * 10 ** (1 - digits), `${back}`);
    },
  ));
});

test("formatNumber writes numbers as a person would", () => {
  const expected: [number, string][] = [
    [0, "0"],
    [-0, "0"],
    [1.23456, "1.235"],
    [9.99996, "10.00"],
    [12345.6, "12346"],
    [0.00012, "0.0001200"],
    [0.000012, "1.200e-5"],
    [-2.5e12, "-2.500e12"],
    [NaN, "NaN"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
  ];
  for (const [value, text] of expected) assert.equal(formatNumber(value), text);
  for (const digits of [0, 1.5, 101, NaN]) {
    assert.throws(() => formatNumber(1, digits), OptionError);
  }
});

test("formatCount and formatDuration", () => {
  const counts = [0, 999, 1000, 1234567, -1000].map(formatCount);
  assert.deepEqual(counts, ["0", "999", "1,000", "1,234,567", "-1,000"]);
  const durations = [0, 7.6, 60, 3599.7, 3661, NaN, -1, Infinity].map(formatDuration);
  assert.deepEqual(
    durations,
    ["0:00", "0:08", "1:00", "1:00:00", "1:01:01", "-:--", "-:--", "-:--"],
  );
});

test("formatTable aligns numbers right and words left", () => {
  const text = formatTable(["run", "loss"], [["s3", 1.5], ["adamw", NaN], ["other", 12.25]]);
  assert.equal(
    text,
    ["run     loss", "-----  -----", "s3     1.500", "adamw    NaN", "other  12.25"].join("\n"),
  );
});

test("formatTable gives every column the width of its widest cell", () => {
  const cell = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.double());
  fc.assert(fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 }), (rows) => {
    const columns = ["a", { title: "b", align: "right" }, { title: "c", align: "left" }] as const;
    const lines = formatTable(columns, rows).split("\n");
    assert.equal(lines.length, rows.length + 2);
    const width = Array.from(lines[1]!).length;
    for (const line of lines) assert.ok(Array.from(line).length <= width);
  }));
});

test("formatTable rejects a row of another length", () => {
  assert.throws(() => formatTable(["a", "b"], [["x", "y"], ["z"]]), {
    name: "OptionError",
    message: "formatTable: rows[1] has 1 cells; expected 2",
  });
});
