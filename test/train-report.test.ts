import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findings } from "../src/train/findings.ts";
import { renderReport, type Report } from "../src/train/report.ts";
import type { RunRecord } from "../src/train/run-record.ts";
import { summarise } from "../src/train/summary.ts";

function makeRun(change: Partial<RunRecord> = {}): RunRecord {
  const losses = change.losses ?? Array.from({ length: 40 }, (_, step) => 2 + 2 / (step + 1));
  const scale = change.scale ?? "base";
  return {
    name: `${change.optimizer ?? "s3"}${scale === "base" ? "" : " 10x"}`,
    optimizer: "s3",
    learningRate: scale === "base" ? 0.001 : 0.01,
    scale,
    steps: 40,
    losses,
    validation: [{ step: 0, loss: 4.2 }, { step: 20, loss: 2.3 }, { step: 40, loss: 2.1 }],
    maxUpdate: losses.map(() => 0.001),
    rmsUpdate: losses.map(() => 0.0004),
    seconds: 2,
    status: "complete",
    ...change,
  };
}

function makeReport(runs: RunRecord[], change: Partial<Report> = {}): Report {
  return {
    title: "A title",
    text: { name: "poem.txt", characters: 123456, vocabulary: 64 },
    model: { description: "two layers", parameters: 65432 },
    options: { steps: 40, seed: 7 },
    runtime: "Some runtime 1.2.3",
    runs,
    ...change,
  };
}

/** Fails unless every tag is closed in order. */
function assertBalanced(html: string): void {
  const open: string[] = [];
  for (const [, close, name, , self] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)([^<>]*?)(\/?)>/g)) {
    if (self === "/" || ["meta", "br"].includes(name!)) continue;
    if (close === "/") assert.equal(open.pop(), name);
    else open.push(name!);
  }
  assert.deepEqual(open, []);
}

test("a report stands alone: it loads nothing and links nowhere", () => {
  const html = renderReport(makeReport([makeRun({ sample: "hello" })]));
  assert.doesNotMatch(html, /https?:|src=|href=|url\(|@import|<script|<link|<iframe/i);
  assertBalanced(html);
});

test("a report follows both colour schemes and fits phones", () => {
  const html = renderReport(makeReport([makeRun()]));
  assert.match(html, /color-scheme: light dark/);
  assert.match(html, /@media \(prefers-color-scheme: dark\)/);
  assert.match(html, /<meta name="viewport" content="width=device-width, initial-scale=1">/);
});

test("a report says what was run", () => {
  const html = renderReport(makeReport([makeRun()], { notes: ["mind the gap"] }));
  for (
    const part of ["poem.txt", "123,456", "65,432", "Some runtime 1.2.3", "seed", "mind the gap"]
  ) {
    assert.ok(html.includes(part), part);
  }
});

test("a report escapes everything from outside", () => {
  const hostile =
    `<img src=x onerror=alert(1)>"'&amp;</pre></title><script>alert(1)</script>\u0000`;
  const run = makeRun({ name: hostile, optimizer: hostile, sample: hostile });
  const html = renderReport({
    title: hostile,
    introduction: hostile,
    text: { name: hostile, characters: 1, vocabulary: 1 },
    model: { description: hostile, parameters: 1 },
    options: { [hostile]: hostile },
    runtime: hostile,
    optimizers: { [hostile]: hostile },
    runs: [run, makeRun({ ...run, scale: "10x", status: "partial" })],
    notes: [hostile],
  });
  assert.doesNotMatch(html, /<img|<script/);
  assert.ok(!html.includes("\u0000"));
  assert.doesNotMatch(html, /onerror=alert\(1\)>/);
  assertBalanced(html);
  assert.ok(html.includes("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;amp;&lt;/pre&gt;"));
});

test("an interrupted report is labelled partial, a whole one is not", () => {
  const partial = makeRun({ scale: "10x", status: "partial", losses: [4, 3, 2.5] });
  const label = "<strong>Partial report.</strong>";
  const html = renderReport(makeReport([makeRun(), partial], { plannedRuns: 4 }));
  assert.ok(html.includes(label));
  assert.match(
    html,
    /1 of 4 planned runs were finished; stopped early: s3 10x after 3 of 40 steps/,
  );
  assert.ok(renderReport(makeReport([makeRun()], { plannedRuns: 2 })).includes(label));
  assert.ok(!renderReport(makeReport([makeRun()], { plannedRuns: 1 })).includes(label));
  assert.ok(!renderReport(makeReport([makeRun()])).includes(label));
});

test("a report without runs is still a page", () => {
  const html = renderReport(makeReport([], { plannedRuns: 8 }));
  assert.match(html, /No run was started/);
  assertBalanced(html);
});

test("a diverged run is marked in the charts, the notes, the findings and the table", () => {
  const losses = [4, 3, 2.5, NaN];
  const diverged = makeRun({
    optimizer: "adamw",
    losses,
    status: "diverged",
    validation: [{ step: 0, loss: 4.2 }],
  });
  const html = renderReport(makeReport([diverged, makeRun()]));
  assert.match(html, /<svg class="mark [^>]*><title>adamw, step 4: NaN<\/title>/);
  assert.match(html, /<p class="figure-note">adamw: NaN at step 4\.<\/p>/);
  assert.match(html, /adamw \(loss NaN at step 4\)/);
  assert.match(html, /diverged at 4\/40/);
});

test("a peak off the scale is marked and told", () => {
  const losses = Array.from({ length: 2000 }, (_, step) => step === 1234 ? 900 : 2);
  const html = renderReport(makeReport([makeRun({ losses, steps: 2000 })]));
  assert.match(html, /<title>s3, step 1235: 900\.0, off the scale<\/title>/);
  assert.match(html, /s3: 900\.0 at step 1235, off the scale/);
});

test("thinning out a long curve keeps its peaks", () => {
  const losses = Array.from({ length: 9000 }, (_, step) => step === 4321 ? 2.5 : step ? 2 : 4);
  const html = renderReport(makeReport([makeRun({ losses, steps: 9000 })]));
  const [, path] = html.match(/class="faint [^"]*" d="([^"]*)"/)!;
  const points = path!.slice(1).split("L").map((point) => point.split(" ").map(Number));
  assert.ok(points.length < 1000);
  const left = Math.round((1000 * 4322 / 9000) * 10) / 10;
  const peak = points.find(([x]) => x === left);
  const others = points.slice(1).filter((point) => point !== peak);
  assert.ok(peak !== undefined && others.every(([, y]) => y! > peak[1]!));
});

test("the same optimizer has the same style throughout, and different ones differ", () => {
  const names = ["a", "b", "c", "d"];
  const runs = names.flatMap((optimizer) => [
    makeRun({ optimizer, sample: "x" }),
    makeRun({ optimizer, scale: "10x" }),
  ]);
  const html = renderReport(makeReport(runs));
  const styles = names.map((name) => {
    const found = [
      ...html.matchAll(new RegExp(`class="end (k\\d d\\d)"(?:(?!class=).)*>${name}<`, "g")),
    ];
    const rows = [
      ...html.matchAll(
        new RegExp(`class="swatch (k\\d d\\d)"[^>]*><path[^>]*></svg>${name}[ <]`, "g"),
      ),
    ];
    assert.ok(found.length === 6 && rows.length >= 3, `${found.length} ${rows.length}`);
    const all = new Set([...found, ...rows].map(([, style]) => style));
    assert.equal(all.size, 1);
    return [...all][0];
  });
  assert.equal(new Set(styles).size, names.length);
});

const anyNumber = fc.oneof(
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, 0, 5e-324, Number.MAX_VALUE, -1),
);

test("whatever the numbers, a report renders and no coordinate is broken", () => {
  const run = fc.record({
    optimizer: fc.constantFrom("s3", "adamw"),
    scale: fc.constantFrom("base" as const, "10x" as const),
    steps: fc.integer({ min: 1, max: 30 }),
    losses: fc.array(anyNumber, { maxLength: 30 }),
    maxUpdate: fc.array(anyNumber, { maxLength: 30 }),
    rmsUpdate: fc.array(anyNumber, { maxLength: 30 }),
    validation: fc.array(fc.record({ step: fc.nat(30), loss: anyNumber }), { maxLength: 4 }),
    status: fc.constantFrom("complete" as const, "partial" as const, "diverged" as const),
  });
  fc.assert(fc.property(fc.array(run, { maxLength: 4 }), (changes) => {
    const html = renderReport(makeReport(changes.map((change) => makeRun(change))));
    for (const [, value] of html.matchAll(/ (?:d|[xy][12]?|c[xy]|viewBox)="([^"]*)"/g)) {
      assert.doesNotMatch(value!, /NaN|Infinity|undefined|null/);
    }
    assert.doesNotMatch(html, /undefined/);
    assertBalanced(html);
  }));
});

function text(runs: RunRecord[]): string {
  const all = findings(runs.map((run) => ({ run, summary: summarise(run) })));
  return all.map((finding) => `${finding.heading}: ${finding.text}`).join("\n");
}

test("findings name whichever optimizer leads, S3 or another", () => {
  const ending = (loss: number): RunRecord["validation"] => [{ step: 40, loss }];
  const leads = [["s3", 1.5], ["adamw", 2], ["sgd", 1.75]] as const;
  for (const [leader] of leads) {
    const runs = leads.map(([optimizer, loss]) =>
      makeRun({ optimizer, validation: ending(optimizer === leader ? 1 : loss) })
    );
    assert.match(text(runs), new RegExp(`Lowest final validation loss: ${leader} with 1\\.000;`));
  }
});

test("findings rank complete runs only and say who is left out", () => {
  const found = text([
    makeRun({ optimizer: "adamw" }),
    makeRun({ optimizer: "s3", status: "partial", validation: [{ step: 20, loss: 1 }] }),
    makeRun({ optimizer: "sgd", status: "diverged", losses: [4, Infinity] }),
  ]);
  assert.match(found, /Lowest final validation loss: adamw with 2\.100\./);
  assert.match(found, /Not ranked, stopped early: s3\./);
  assert.match(found, /Not ranked, no finite final loss: sgd\./);
  assert.match(found, /Diverged: sgd \(loss Infinity at step 2\)/);
});

test("findings say when the two spike rules disagree", () => {
  const calm = Array.from({ length: 40 }, (_, step) => 2 + 0.01 * (step % 3));
  const small = calm.with(30, 2.5);
  assert.match(text([makeRun({ losses: calm })]), /None under either rule/);
  assert.match(text([makeRun({ losses: small })]), /different counts for 1 of 1 runs/);
  assert.match(text([makeRun({ losses: calm.with(30, 9) })]), /The two rules give the same counts/);
});

test("summarise: the worst peak leaves out the first tenth, and NaN is the worst", () => {
  const falling = Array.from({ length: 40 }, (_, step) => 40 - step);
  assert.deepEqual(summarise(makeRun({ losses: falling })).worstPeak, { step: 5, value: 36 });
  assert.deepEqual(summarise(makeRun({ losses: falling.with(20, NaN).with(30, 99) })).worstPeak, {
    step: 21,
    value: NaN,
  });
  assert.equal(summarise(makeRun({ losses: [4, 3], status: "partial" })).worstPeak, undefined);
});

test("summarise: a loss that broke after the last validation is not hidden by it", () => {
  const { finalValidation, bestValidation, firstNonFinite } = summarise(
    makeRun({
      losses: [4, 3, 2, NaN],
      validation: [{ step: 0, loss: 4 }, { step: 2, loss: 3 }],
    }),
  );
  assert.deepEqual(finalValidation, { step: 2, value: NaN });
  assert.deepEqual(bestValidation, { step: 2, value: 3 });
  assert.equal(firstNonFinite, 4);
});

test("summarise: the best validation loss is the lowest finite one", () => {
  const points = (losses: number[]): RunRecord["validation"] =>
    losses.map((loss, step) => ({ step, loss }));
  const best = (losses: number[]): unknown =>
    summarise(makeRun({ validation: points(losses) })).bestValidation;
  assert.deepEqual(best([NaN, 3, 2, Infinity, 2.5]), { step: 2, value: 2 });
  assert.deepEqual(best([NaN, Infinity]), { step: 0, value: NaN });
  assert.equal(best([]), undefined);
});

test("summarise of a run that never started", () => {
  const summary = summarise(
    makeRun({ losses: [], validation: [], maxUpdate: [], rmsUpdate: [], seconds: 0 }),
  );
  assert.equal(summary.secondsPerStep, undefined);
  assert.equal(summary.largestUpdate, undefined);
  assert.equal(summary.finalValidation, undefined);
});
