import { OptionError } from "../core/errors.ts";
import { inNameOf } from "../core/in-name-of.ts";
import { checkList, checkType } from "../core/options.ts";
import { describe, isPlainObject } from "../core/value-kinds.ts";
import { escapeHtml } from "./escape.ts";
import { findings, rankedLoss, SCALES, scaleTitle, type SummarisedRun } from "./findings.ts";
import { formatCount, formatDuration, formatNumber } from "./number-format.ts";
import { type ChartPanel, lossPanels, updatePanels } from "./report-panels.ts";
import { REPORT_STYLE } from "./report-style.ts";
import { styleClasses } from "./chart.ts";
import type { RunRecord } from "./run-record.ts";
import type { SpikeOptions } from "./spikes.ts";
import { summarise, type ValueAtStep } from "./summary.ts";

/** What {@link renderReport} turns into a page. */
export interface Report {
  /** The page's title. */
  readonly title: string;
  /** A sentence or two under the title: what was compared, and what was kept equal. */
  readonly introduction?: string;
  /** The training text: its name, its length, and how many symbols it is written in. */
  readonly text: {
    readonly name: string;
    readonly characters: number;
    readonly vocabulary: number;
  };
  /** The model in words, and how many numbers it learns. */
  readonly model: { readonly description: string; readonly parameters: number };
  /** The options of the program, by name. */
  readonly options: Readonly<Record<string, string | number>>;
  /** The runtime and its version. */
  readonly runtime: string;
  /** What the optimizers' short names stand for. */
  readonly optimizers?: Readonly<Record<string, string>>;
  /** The runs, in the order of the table. */
  readonly runs: readonly RunRecord[];
  /** How many runs were planned; a report of fewer is labelled partial. */
  readonly plannedRuns?: number;
  /** How spikes are counted. */
  readonly spikes?: SpikeOptions;
  /** Further notes for the end of the page. */
  readonly notes?: readonly string[];
}

/**
 * Renders runs as one self-contained HTML page: findings in words, a table of figures, loss and
 * update-size curves as SVG, generated samples, and how everything was counted.
 *
 * The page loads nothing, needs no script, follows the reader's light or dark scheme, and fits a
 * phone. All text from outside is escaped. Runs that were interrupted or diverged are shown as such.
 *
 * @example
 * ```ts
 * import { renderReport } from "softstep";
 *
 * const html = renderReport({
 *   title: "Two steps",
 *   text: { name: "poem.txt", characters: 1000, vocabulary: 40 },
 *   model: { description: "one layer", parameters: 1600 },
 *   options: { seed: 0 },
 *   runtime: "Deno 2.9.6",
 *   runs: [{
 *     name: "s3", optimizer: "s3", learningRate: 0.001, scale: "base", steps: 2, losses: [3.7, 3.6],
 *     validation: [{ step: 2, loss: 3.65 }], maxUpdate: [2e-4, 4e-4], rmsUpdate: [2e-4, 3e-4],
 *     seconds: 0.1, status: "complete",
 *   }],
 * });
 * console.log(html.startsWith("<!doctype html>")); // => true
 * ```
 *
 * @param report What was run and measured.
 * @returns The page.
 * @throws {OptionError} If the spike options are wrong, or a part is missing or of the wrong kind.
 */
export function renderReport(report: Report): string {
  checkType("renderReport", "report.title", report?.title, "string");
  checkList("renderReport", "report.runs", report.runs);
  for (const name of ["text", "model", "options"] as const) {
    if (isPlainObject(report[name])) continue;
    throw new OptionError(
      "renderReport",
      `report.${name} is ${describe(report[name])}; expected an object`,
    );
  }
  const runs = inNameOf(
    "renderReport",
    () =>
      report.runs.map((run): SummarisedRun => ({ run, summary: summarise(run, report.spikes) })),
  );
  const names = [...new Set(report.runs.map((run) => run.optimizer))];
  const style = (optimizer: string): number => names.indexOf(optimizer);
  const title = escapeHtml(report.title);
  const longest = Math.max(0, ...report.runs.map(({ steps }) => steps));
  const halfLife = Math.max(1, Math.round(longest / 100));
  const legend = legendOf(names, report.optimizers ?? {});
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${report.introduction ? `<p class="lead">${escapeHtml(report.introduction)}</p>` : ""}
${partialBanner(report)}
${section("What the numbers say", "", findingsList(runs))}
${
    section(
      "Summary",
      "Bold: the lowest of its group among complete runs. The columns are explained at the end.",
      summaryTable(runs, style),
    )
  }
${
    section(
      "Loss",
      `Cross entropy in nats per character. Faint: every training step. Line: its exponentially ` +
        `weighted mean, half-life ${halfLife} ${
          halfLife === 1 ? "step" : "steps"
        }. Rings: validation.`,
      legend + panels(lossPanels(report.runs, style, halfLife), names),
    )
  }
${
    section(
      "Update size",
      "How far one step moves the parameters, learning rate included, on a logarithmic axis.",
      legend + panels(updatePanels(report.runs, style), names),
    )
  }
${samples(report.runs, style)}
${section("What was run", "", facts(report))}
${section("How it was counted", "", notes(report))}
</main>
</body>
</html>
`;
}

function section(heading: string, about: string, body: string): string {
  if (body === "") return "";
  const introduction = about === "" ? "" : `\n<p class="about">${escapeHtml(about)}</p>`;
  return `<section>\n<h2>${heading}</h2>${introduction}\n${body}\n</section>`;
}

/** Whether something that was planned is missing. */
function partialBanner({ runs, plannedRuns = runs.length }: Report): string {
  const complete = runs.filter((run) => run.status !== "partial").length;
  const stopped = runs.filter((run) => run.status === "partial");
  if (stopped.length === 0 && complete >= plannedRuns) return "";
  const planned = Math.max(plannedRuns, runs.length);
  const early = stopped.map((run) =>
    `${run.name} after ${run.losses.length} of ${run.steps} steps`
  );
  const text = `It was interrupted: ${complete} of ${planned} planned runs were finished` +
    (early.length === 0 ? "." : `; stopped early: ${early.join(", ")}.`);
  return `<p class="partial"><strong>Partial report.</strong> ${escapeHtml(text)}</p>`;
}

function findingsList(runs: readonly SummarisedRun[]): string {
  const items = findings(runs);
  if (items.length === 0) return "<p>No run was started.</p>";
  return definitions(items.map(({ heading, text }) => [heading, text]), "");
}

function definitions(items: readonly (readonly [string, string])[], kind: string): string {
  const rows = items.map(([term, text]) =>
    `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`
  );
  return `<dl${kind === "" ? "" : ` class="${kind}"`}>\n${rows.join("\n")}\n</dl>`;
}

const HEADINGS = [
  "Run",
  "Final<br>validation",
  "Best<br>validation",
  "Worst<br>peak",
  "Spikes,<br>deviations",
  "Spikes,<br>median",
  "Largest<br>update",
  "Seconds<br>per step",
  "Status",
];

function summaryTable(runs: readonly SummarisedRun[], style: (name: string) => number): string {
  const heads = HEADINGS.map((heading) => `<th scope="col">${heading}</th>`).join("");
  const groups = SCALES.flatMap((scale) => {
    const group = runs.filter(({ run }) => run.scale === scale);
    if (group.length === 0) return [];
    const heading = escapeHtml(scaleTitle(scale, group.map(({ run }) => run)));
    const rows = group.map((member) => summaryRow(member, group, style(member.run.optimizer)));
    return [
      `<tbody class="group"><tr><th colspan="${HEADINGS.length}" scope="colgroup">${heading}</th></tr>\n${
        rows.join("\n")
      }</tbody>`,
    ];
  });
  return `<div class="table" role="region" aria-label="Summary table" tabindex="0">
<table>
<thead><tr>${heads}</tr></thead>
${groups.join("\n")}
</table>
</div>`;
}

function summaryRow(
  member: SummarisedRun,
  group: readonly SummarisedRun[],
  style: number,
): string {
  const { run, summary } = member;
  const complete = group.filter((other) => other.run.status === "complete");
  const isLowest = (read: (run: SummarisedRun) => number | undefined): boolean => {
    const own = run.status === "complete" ? read(member) : undefined;
    const others = complete.map(read).filter((value) => Number.isFinite(value));
    return own !== undefined && others.length > 1 && own === Math.min(...others as number[]);
  };
  const value = (
    point: ValueAtStep | undefined,
    shown: boolean,
    lowest: boolean,
    digits: number = 4,
  ): string => {
    if (point === undefined) return "<td>–</td>";
    const step = shown ? ` <small>at ${point.step}</small>` : "";
    return `<td${lowest ? ' class="low"' : ""}>${formatNumber(point.value, digits)}${step}</td>`;
  };
  const spikes = ({ count, share }: { count: number; share: number }): string =>
    `<td>${count}${count === 0 ? "" : ` <small>${formatNumber(100 * share, 2)} %</small>`}</td>`;
  const { finalValidation, bestValidation, worstPeak, largestUpdate, secondsPerStep } = summary;
  const early = finalValidation !== undefined && finalValidation.step !== run.steps;
  const status = run.status === "complete"
    ? "complete"
    : `${run.status} at ${run.losses.length}/${run.steps}`;
  return `<tr><th scope="row">${swatch(style)}${escapeHtml(run.optimizer)}</th>` +
    value(finalValidation, early, isLowest(rankedLoss)) +
    value(bestValidation, true, isLowest(({ summary }) => summary.bestValidation?.value)) +
    value(worstPeak, true, isLowest(({ summary }) => summary.worstPeak?.value)) +
    spikes(summary.spikes.deviationRule) + spikes(summary.spikes.medianRule) +
    value(largestUpdate, true, false, 3) +
    `<td>${secondsPerStep === undefined ? "–" : formatNumber(secondsPerStep, 3)}</td>` +
    `<td class="status-${run.status}">${status}</td></tr>`;
}

function swatch(style: number): string {
  return `<svg class="swatch ${styleClasses(style)}" aria-hidden="true"><path d="M0 4H30"/></svg>`;
}

function legendOf(names: readonly string[], meanings: Readonly<Record<string, string>>): string {
  if (names.length === 0) return "";
  const items = names.map((name, index) => {
    const meaning = Object.hasOwn(meanings, name)
      ? ` <span>${escapeHtml(meanings[name]!)}</span>`
      : "";
    return `<li>${swatch(index)}${escapeHtml(name)}${meaning}</li>`;
  });
  return `<ul class="legend">${items.join("")}</ul>\n`;
}

function panels(drawn: readonly ChartPanel[], names: readonly string[]): string {
  const columns = Math.max(0, ...names.map((name) => Array.from(name).length));
  const alone = new Set(drawn.map(({ title }) => title)).size === 1 ? " single" : "";
  const figures = drawn.map(({ title, about, svg, note }) =>
    `<figure><figcaption><h3>${escapeHtml(title)}</h3><small>${
      escapeHtml(about)
    }</small></figcaption>
<div class="plot">${svg}<span class="of-x">step</span></div>${
      note === "" ? "" : `<p class="figure-note">${escapeHtml(note)}</p>`
    }</figure>`
  );
  return `<div class="panels${alone}" style="--names:${Math.min(24, columns)}">\n${
    figures.join("\n")
  }\n</div>`;
}

function samples(runs: readonly RunRecord[], style: (name: string) => number): string {
  const written = runs.flatMap(({ name, optimizer, sample }) =>
    sample === undefined ? [] : [
      `<figure><figcaption>${swatch(style(optimizer))}${escapeHtml(name)}</figcaption><pre>${
        sample === "" ? "<em>(nothing)</em>" : escapeHtml(sample)
      }</pre></figure>`,
    ]
  );
  if (written.length === 0) return "";
  return section(
    "Generated text",
    "Drawn from each model after training, character by character.",
    `<div class="panels samples">\n${written.join("\n")}\n</div>`,
  );
}

function facts({ text, model, options, runtime, runs }: Report): string {
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  return definitions([
    [
      "Text",
      `${text.name}: ${formatCount(text.characters)} characters, ${
        formatCount(text.vocabulary)
      } symbols`,
    ],
    ["Model", `${model.description}; ${formatCount(model.parameters)} parameters`],
    ["Runtime", runtime],
    ["Time in training steps", `${formatDuration(seconds)} (minutes:seconds)`],
    ...Object.entries(options).map(([name, value]): [string, string] => [name, String(value)]),
  ], "facts");
}

function notes({ spikes = {}, notes = [] }: Report): string {
  const { window = 1000, deviations = 7, medianFactor = 2 } = spikes;
  const { minimumHistory = Math.min(window, 20) } = spikes;
  const items = [
    "Final validation: the last validation loss, NaN if the training loss stopped being finite after it. " +
    "Best: the lowest finite one, with the step it was measured at.",
    "Worst peak: the largest training loss after the first tenth of the planned steps.",
    `Spikes, deviations: training losses at least ${deviations} standard deviations above the mean of ` +
    `the ${window} losses before them (OLMo 2, arXiv 2501.00656, section 3.2, with a window of 1000 there).`,
    `Spikes, median: training losses above ${medianFactor} times the median of the same window. ` +
    `Both rules judge a loss once ${minimumHistory} losses lie before it; the percentages are of all steps.`,
    "A loss that is NaN or infinite is a spike under both rules and does not enter the window. " +
    "The two rules can disagree.",
    "In the charts a cross marks where a loss or an update stopped being finite, an arrowhead the highest " +
    "value of a curve that leaves the scale.",
    "Largest update: the largest change of a single parameter in one step, learning rate included.",
    "Seconds per step: the mean over completed steps, compilation included, validation not.",
    "These are the figures of one run each. Differences as small as those between two seeds say nothing " +
    "about the optimizers.",
    ...notes,
  ];
  return `<ul class="notes">\n${
    items.map((item) => `<li>${escapeHtml(item)}</li>`).join("\n")
  }\n</ul>`;
}
