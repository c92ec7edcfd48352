import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OptionError } from "../src/core/errors.ts";
import { detectSpikes } from "../src/train/spikes.ts";

type Verdict = "spike" | "calm" | "either";

/** The definition, word for word, in exact integers; "either" where rounding may decide. */
function naive(
  values: readonly number[],
  window: number,
  deviations: number,
  factor: number,
  history: number,
): { deviation: Verdict; median: Verdict }[] {
  return values.map((value, index) => {
    if (!Number.isFinite(value)) return { deviation: "spike", median: "spike" };
    const before = values.slice(0, index).filter(Number.isFinite).slice(-window);
    if (before.length < history) return { deviation: "calm", median: "calm" };
    const n = BigInt(before.length);
    const exact = before.map(BigInt);
    const sum = exact.reduce((a, b) => a + b, 0n);
    const squares = exact.reduce((a, b) => a + b * b, 0n);
    const distance = n * BigInt(value) - sum; // n (value - mean)
    const left = distance * distance;
    const right = BigInt(deviations) ** 2n * (n * squares - sum * sum); // (n k deviation)^2
    const gap = left > right ? left - right : right - left;
    const close = right > 0n && gap * 1_000_000_000n < right;
    const deviation = distance <= 0n ? "calm" : close ? "either" : left >= right ? "spike" : "calm";
    const sorted = before.sort((a, b) => a - b);
    const half = sorted.length >> 1;
    const median = sorted.length % 2 === 1
      ? sorted[half]!
      : sorted[half]! / 2 + sorted[half - 1]! / 2;
    return { deviation, median: median >= 0 && value > factor * median ? "spike" : "calm" };
  });
}

const loss = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: -300, max: 300 }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, 2 ** 60, 1e300, -1e300) },
);

test("detectSpikes agrees with the definition", () => {
  fc.assert(fc.property(
    fc.array(loss, { maxLength: 60 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 7 }),
    fc.constantFrom(0.5, 1, 2, 4),
    (values, window, some, deviations, medianFactor) => {
      const minimumHistory = Math.min(some, window);
      const found = detectSpikes(values, { window, deviations, medianFactor, minimumHistory });
      const expected = naive(values, window, deviations, medianFactor, minimumHistory);
      expected.forEach(({ deviation, median }, index) => {
        const verdicts = [
          [deviation, found.deviationRule.indices.includes(index)],
          [median, found.medianRule.indices.includes(index)],
        ] as const;
        for (const [verdict, spike] of verdicts) {
          if (verdict !== "either") assert.equal(spike ? "spike" : "calm", verdict, `at ${index}`);
        }
      });
      for (const { indices, count, share } of [found.deviationRule, found.medianRule]) {
        assert.equal(count, indices.length);
        assert.equal(share, values.length === 0 ? 0 : count / values.length);
        assert.deepEqual(indices, [...indices].sort((a, b) => a - b));
      }
    },
  ));
});

test("detectSpikes does not change when all values are multiplied by a power of two", () => {
  fc.assert(fc.property(
    fc.array(fc.double({ min: 0.5, max: 100, noNaN: true }), { maxLength: 80 }),
    fc.integer({ min: -100, max: 900 }),
    (values, power) => {
      const options = { window: 30, deviations: 2, minimumHistory: 5 };
      const scaled = values.map((value) => value * 2 ** power);
      assert.deepEqual(detectSpikes(scaled, options), detectSpikes(values, options));
    },
  ));
});

test("detectSpikes forgets a huge spike as soon as it leaves the window", () => {
  const calm = Array.from({ length: 60 }, (_, step) => 2 + 0.01 * (step % 3));
  const values = [...calm, 1e250, ...calm, 2.5];
  const { deviationRule, medianRule } = detectSpikes(values, { window: 40 });
  assert.deepEqual(deviationRule.indices, [60, 121]);
  assert.deepEqual(medianRule.indices, [60]);
});

test("detectSpikes: above a constant window any rise is a spike under rule one", () => {
  const values = [...Array<number>(30).fill(0.1), 0.1, 0.1000001, 0.1];
  assert.deepEqual(detectSpikes(values, { window: 30 }).deviationRule.indices, [31]);
});

test("detectSpikes counts non-finite values under both rules, with or without history", () => {
  const found = detectSpikes([NaN, 1, 1, Infinity, 1, -Infinity, 1], {
    window: 2,
    minimumHistory: 2,
  });
  for (const rule of [found.deviationRule, found.medianRule]) {
    assert.deepEqual(rule.indices, [0, 3, 5]);
    assert.equal(rule.share, 3 / 7);
  }
  assert.deepEqual(found.nonFinite, [0, 3, 5]);
  assert.equal(found.judged, 5);
});

test("detectSpikes takes typed arrays, and an empty series has no spikes", () => {
  const { deviationRule, medianRule, judged } = detectSpikes(new Float32Array(0));
  assert.deepEqual([deviationRule.share, medianRule.share, judged], [0, 0, 0]);
});

test("detectSpikes rejects wrong options and names them", () => {
  const wrong = [
    [{ window: 0 }, "window is 0"],
    [{ window: 1.5 }, "window is 1.5"],
    [{ window: NaN }, "window is NaN"],
    [{ deviations: 0 }, "deviations is 0"],
    [{ deviations: Infinity }, "deviations is Infinity"],
    [{ medianFactor: -2 }, "medianFactor is -2"],
    [{ minimumHistory: 0 }, "minimumHistory is 0"],
    [{ window: 5, minimumHistory: 6 }, "minimumHistory is 6; expected at most the window, 5"],
  ] as const;
  for (const [options, message] of wrong) {
    assert.throws(
      () => detectSpikes([1], options),
      (error) =>
        error instanceof OptionError && error.message.startsWith(`detectSpikes: ${message}`),
    );
  }
});
