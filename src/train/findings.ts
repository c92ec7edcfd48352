import { formatNumber } from "./number-format.ts";
import type { RunRecord } from "./run-record.ts";
import type { RunSummary } from "./summary.ts";

/** A run beside its figures. */
export interface SummarisedRun {
  readonly run: RunRecord;
  readonly summary: RunSummary;
}

/** One sentence or two about the runs, with a heading. */
export interface Finding {
  readonly heading: string;
  readonly text: string;
}

/** The groups in which runs are compared, in the order shown. */
export const SCALES = ["base", "10x"] as const;

/** "Base learning rate, 0.001", with all rates that the group's runs used. */
export function scaleTitle(scale: RunRecord["scale"], runs: readonly RunRecord[]): string {
  const rates = runs.filter((run) => run.scale === scale).map((run) => run.learningRate);
  const names = [...new Set(rates)].map((rate) => String(rate)).join(" and ");
  return `${scale === "base" ? "Base learning rate" : "Ten times the base rate"}, ${names}`;
}

/**
 * Says in words what the numbers say: rankings, divergence, spikes, peaks. It knows no favourite;
 * whichever optimizer leads is named first, and every other one after it.
 */
export function findings(runs: readonly SummarisedRun[]): Finding[] {
  const found: Finding[] = [];
  for (const scale of SCALES) {
    const group = runs.filter(({ run }) => run.scale === scale);
    if (group.length === 0) continue;
    found.push({
      heading: scaleTitle(scale, group.map(({ run }) => run)),
      text: `Lowest final validation loss: ${ranking(group, ({ run }) => run.optimizer)}.` +
        unrankedNote(group),
    });
  }
  if (runs.some(({ run }) => run.scale === "base") && runs.some(({ run }) => run.scale === "10x")) {
    const text = ratesCompared(runs);
    if (text !== "") found.push({ heading: "From the base rate to ten times", text });
  }
  if (runs.length > 0) {
    found.push({ heading: "Diverged", text: divergence(runs) });
    found.push({ heading: "Spikes of the training loss", text: spikesInWords(runs) });
    found.push({ heading: "Worst peak", text: extremes(runs, ({ summary }) => summary.worstPeak) });
    found.push({
      heading: "Largest update",
      text: extremes(runs, ({ summary }) => summary.largestUpdate),
    });
  }
  return found;
}

/** The loss that a run may be ranked by: only a complete run's, and only a finite one. */
export function rankedLoss({ run, summary }: SummarisedRun): number | undefined {
  const value = summary.finalValidation?.value;
  return run.status === "complete" && Number.isFinite(value) ? value : undefined;
}

function ranking(group: readonly SummarisedRun[], name: (run: SummarisedRun) => string): string {
  const ranked = group.flatMap((member) => {
    const loss = rankedLoss(member);
    return loss === undefined ? [] : [{ name: name(member), loss }];
  }).sort((a, b) => a.loss - b.loss);
  const [first, ...others] = ranked;
  if (first === undefined) return "no run can be ranked";
  const behind = others.map(({ name, loss }) =>
    loss === first.loss ? `${name} equal` : `${name} +${formatNumber(loss - first.loss, 2)}`
  );
  const lead = `${first.name} with ${formatNumber(first.loss)}`;
  return behind.length === 0 ? lead : `${lead}; ${behind.join(", ")}`;
}

function unrankedNote(group: readonly SummarisedRun[]): string {
  const early = group.filter(({ run }) => run.status === "partial");
  const broken = group.filter((member) =>
    member.run.status !== "partial" && rankedLoss(member) === undefined
  );
  const names = (members: readonly SummarisedRun[]): string =>
    members.map(({ run }) => run.optimizer).join(", ");
  return (early.length > 0 ? ` Not ranked, stopped early: ${names(early)}.` : "") +
    (broken.length > 0 ? ` Not ranked, no finite final loss: ${names(broken)}.` : "");
}

function ratesCompared(runs: readonly SummarisedRun[]): string {
  const sentences: string[] = [];
  for (const optimizer of new Set(runs.map(({ run }) => run.optimizer))) {
    const [base, tenfold] = SCALES.map((scale) =>
      runs.find(({ run }) => run.optimizer === optimizer && run.scale === scale)
    );
    if (base === undefined || tenfold === undefined) continue;
    const from = rankedLoss(base);
    if (from === undefined || tenfold.run.status === "partial") continue;
    const to = rankedLoss(tenfold);
    sentences.push(
      `${optimizer} ${formatNumber(from)} → ${to === undefined ? "diverged" : formatNumber(to)}`,
    );
  }
  return sentences.length === 0 ? "" : `Final validation loss: ${sentences.join(", ")}.`;
}

function divergence(runs: readonly SummarisedRun[]): string {
  const broken = runs.filter(({ run, summary }) =>
    run.status === "diverged" || summary.firstNonFinite !== undefined
  );
  if (broken.length === 0) return "No run: every training loss was finite.";
  return broken.map(({ run, summary }) =>
    summary.firstNonFinite === undefined
      ? run.name
      : `${run.name} (loss ${
        formatNumber(run.losses[summary.firstNonFinite - 1]!)
      } at step ${summary.firstNonFinite})`
  ).join(", ") + ".";
}

function spikesInWords(runs: readonly SummarisedRun[]): string {
  const counted = (count: (run: SummarisedRun) => number): string => {
    const some = runs.filter((run) => count(run) > 0);
    if (some.length === 0) return "none";
    return some.map((run) => `${run.run.name} ${count(run)}`).join(", ");
  };
  const deviation = counted(({ summary }) => summary.spikes.deviationRule.count);
  const median = counted(({ summary }) => summary.spikes.medianRule.count);
  if (deviation === "none" && median === "none") return "None under either rule.";
  const differ =
    runs.filter(({ summary: { spikes } }) => spikes.deviationRule.count !== spikes.medianRule.count)
      .length;
  const verdict = differ === 0
    ? "The two rules give the same counts."
    : `The two rules give different counts for ${differ} of ${runs.length} runs.`;
  return `Standard deviations: ${deviation}. Rolling median: ${median}. ${verdict}`;
}

function extremes(
  runs: readonly SummarisedRun[],
  read: (run: SummarisedRun) => { step: number; value: number } | undefined,
): string {
  const all = runs.flatMap((member) => {
    const point = read(member);
    const partial = member.run.status === "partial";
    return point === undefined ? [] : [{ name: member.run.name, partial, ...point }];
  });
  if (all.length === 0) return "Not measured.";
  const order = (value: number): number => Number.isFinite(value) ? value : Infinity;
  const highest = all.reduce((a, b) => order(b.value) > order(a.value) ? b : a);
  const finished = all.filter(({ partial }) => !partial);
  const lowest = finished.reduce<typeof highest | undefined>(
    (a, b) => a === undefined || order(b.value) < order(a.value) ? b : a,
    undefined,
  );
  const say = (point: typeof highest): string =>
    `${formatNumber(point.value)} in ${point.name}, step ${point.step}`;
  return all.length === 1 || lowest === undefined
    ? `${say(highest)}.`
    : `Highest: ${say(highest)}. Lowest: ${say(lowest)}.`;
}
