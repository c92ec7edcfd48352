import {
  formatNumber,
  formatTable,
  type RunRecord,
  type SpikeOptions,
  summarise,
} from "../../mod.ts";

/** The final table of the demo, narrow enough for most terminals. */
export function summaryTable(runs: readonly RunRecord[], spikes: SpikeOptions): string {
  const titles = ["run", "final", "best", "peak", "7sd", "2med", "update", "s/step", "status"];
  const show = (value: number | undefined, digits: number = 4): string =>
    value === undefined ? "-" : formatNumber(value, digits);
  const rows = runs.map((run) => {
    const summary = summarise(run, spikes);
    return [
      run.name,
      show(summary.finalValidation?.value),
      show(summary.bestValidation?.value),
      show(summary.worstPeak?.value),
      String(summary.spikes.deviationRule.count),
      String(summary.spikes.medianRule.count),
      show(summary.largestUpdate?.value, 3),
      show(summary.secondsPerStep, 3),
      run.status === "complete" ? run.status : `${run.status} ${run.losses.length}/${run.steps}`,
    ];
  });
  const columns = titles.map((title) => {
    const align = title === "run" || title === "status" ? "left" : "right";
    return { title, align } as const;
  });
  return formatTable(columns, rows) + "\n\n" +
    "final, best: validation loss; peak: largest training loss after the first tenth of the steps;\n" +
    "7sd, 2med: spikes (7 standard deviations above the rolling mean; twice the rolling median);\n" +
    "update: largest change of a parameter in one step; 10x: ten times the base learning rate";
}
