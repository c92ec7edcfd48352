import process from "node:process";
import {
  device,
  DeviceError,
  formatCount,
  formatDuration,
  formatNumber,
  renderReport,
  type Report,
  type RunRecord,
  type SpikeOptions,
  summarise,
} from "../../mod.ts";
import { createLiveProgress } from "./live-progress.ts";
import { OPTIMIZERS } from "./optimizers.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { openOutput } from "./output.ts";
import { performRun, type PlannedRun, type StartTraining } from "./run.ts";
import { summaryTable } from "./summary-table.ts";
import { type Corpus, makeCorpus } from "./corpus.ts";
import { readTextFile, repositoryText } from "./text.ts";
import { describeModel, devices, startTraining } from "./train.ts";
import { UsageError } from "./usage-error.ts";

const INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const command = parseOptions(argv, devices());
    if (command.kind === "help") {
      process.stdout.write(usage(devices()));
      return 0;
    }
    await openDevice(command.options.device);
    return await demonstrate(command.options, startTraining);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`demo: ${error.message}\n`);
    return 2;
  }
}

/** A GPU has to be opened before tensors can be there. */
async function openDevice(name: string): Promise<void> {
  if (name !== "gpu") return;
  try {
    await device(name, { required: true });
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new UsageError(`--device: ${error.message}`);
  }
}

async function demonstrate(options: Options, start: StartTraining): Promise<number> {
  const output = openOutput(options.out);
  const corpus = options.text === undefined
    ? makeCorpus("this repository's documents and sources", repositoryText())
    : makeCorpus(options.text, readTextFile(options.text));
  const model = describeModel(corpus.vocabulary.length, options.quick);
  const plan = planRuns(options, corpus);
  const spikes: SpikeOptions = {
    window: Math.max(20, Math.min(1000, Math.round(options.steps / 3))),
  };
  process.stderr.write(
    `${runtimeName()}, device ${options.device}, seed ${options.seed}\n` +
      `text: ${corpus.name}, ${formatCount(corpus.characters)} characters, ` +
      `${corpus.vocabulary.length} symbols\n` +
      `model: ${model.description}, ${formatCount(model.parameters)} parameters\n` +
      `${plan.length} runs of ${options.steps} steps\n\n`,
  );

  const { runs, interrupted, failure } = await performPlan(plan, start);
  if (failure !== undefined && runs.length === 0) throw failure;
  const report: Report = {
    title: "A small transformer learns characters",
    introduction:
      "Every optimizer at the base learning rate and at ten times it. All runs start from " +
      "the same parameters and see the same batches in the same order.",
    text: {
      name: corpus.name,
      characters: corpus.characters,
      vocabulary: corpus.vocabulary.length,
    },
    model,
    options: {
      steps: options.steps,
      seed: options.seed,
      "base learning rate": options.learningRate,
      optimizers: options.optimizers.join(", "),
      device: options.device,
      quick: options.quick ? "yes" : "no",
    },
    runtime: runtimeName(),
    optimizers: OPTIMIZERS,
    runs,
    plannedRuns: plan.length,
    spikes,
  };
  output.write(renderReport(report));
  printResults(runs, spikes, output.path, runs.length < plan.length || interrupted);
  if (failure !== undefined) throw failure;
  return interrupted ? INTERRUPTED : 0;
}

function planRuns(options: Options, corpus: Corpus): PlannedRun[] {
  return (["base", "10x"] as const).flatMap((scale) =>
    options.optimizers.map((optimizer): PlannedRun => {
      const factor = scale === "base" ? 1 : 10;
      return {
        name: scale === "base" ? optimizer : `${optimizer} 10x`,
        scale,
        settings: {
          optimizer,
          // ten times 0.0011 is 0.011, not 0.011000000000000001
          learningRate: Number((factor * options.learningRate).toPrecision(12)),
          steps: options.steps,
          seed: options.seed,
          corpus,
          quick: options.quick,
          device: options.device,
        },
      };
    })
  );
}

/** Runs the plan until its end, an interruption or a failure; what was measured is kept in any case. */
async function performPlan(
  plan: readonly PlannedRun[],
  start: StartTraining,
): Promise<{ runs: RunRecord[]; interrupted: boolean; failure: unknown }> {
  const live = createLiveProgress();
  const runs: RunRecord[] = [];
  let interrupted = false;
  let failure: unknown;
  const onInterrupt = (): void => {
    if (interrupted) process.exit(INTERRUPTED);
    interrupted = true;
    live.settle("stopping after this step; Ctrl-C again stops at once");
  };
  process.on("SIGINT", onInterrupt);
  const started = performance.now();
  const steps = plan[0]!.settings.steps;
  const widest = Math.max(...plan.map(({ name }) => name.length));
  let stepsDone = 0;
  try {
    for (const [index, planned] of plan.entries()) {
      const label = `${index + 1}/${plan.length} ${planned.name.padEnd(widest)}`;
      const run = await performRun(planned, start, {
        interrupted: () => interrupted,
        onStep: (step, loss, stepsPerSecond) => {
          if (interrupted) return;
          stepsDone++;
          const elapsed = (performance.now() - started) / 1000;
          const stepsLeft = steps - step + (plan.length - 1 - index) * steps;
          const secondsLeft = (elapsed / stepsDone) * stepsLeft;
          live.update({ label, step, steps, loss, stepsPerSecond, secondsLeft });
        },
      });
      if (run.losses.length > 0) {
        runs.push(run);
        live.settle(`${label}  ${runInWords(run)}`);
      }
      if (interrupted) break;
    }
  } catch (error) {
    failure = error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
  return { runs, interrupted, failure };
}

function runInWords(run: RunRecord): string {
  const { finalValidation } = summarise(run);
  const loss = finalValidation === undefined ? NaN : finalValidation.value;
  const ending = run.status === "complete"
    ? `validation loss ${formatNumber(loss)}`
    : `${run.status} at step ${run.losses.length}, loss ${formatNumber(run.losses.at(-1)!)}`;
  return `${ending}, ${formatDuration(run.seconds)}`;
}

function printResults(
  runs: readonly RunRecord[],
  spikes: SpikeOptions,
  path: string,
  partial: boolean,
): void {
  const lines = ["", summaryTable(runs, spikes), ""];
  const sampled = runs.filter(({ sample }) => sample !== undefined);
  const final = (run: RunRecord): number => summarise(run).finalValidation?.value ?? NaN;
  const [best] = sampled.filter((run) => Number.isFinite(final(run))).sort((a, b) =>
    final(a) - final(b)
  );
  if (best !== undefined) {
    lines.push(`sample of the run with the lowest final validation loss, ${best.name}:`, "");
    lines.push(...printable(best.sample!).split("\n").map((line) => `  | ${line}`), "");
  }
  lines.push(`${partial ? "partial report" : "report"}: ${path}`, "");
  process.stdout.write(lines.join("\n"));
}

/** A text to learn may hold escape sequences; the terminal shall not obey what a model makes of them. */
function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (found) => found === "\n" ? found : found === "\t" ? "  " : "\ufffd",
  );
}

function runtimeName(): string {
  const { deno, bun, node } = process.versions;
  if (deno !== undefined) return `Deno ${deno}`;
  return bun === undefined ? `Node ${node}` : `Bun ${bun}`;
}
