import type { RunRecord } from "../../mod.ts";
import type { OptimizerName } from "./optimizers.ts";
import type { Corpus } from "./corpus.ts";

/** Everything that one run depends on: the same settings give the same bits. */
export interface RunSettings {
  readonly optimizer: OptimizerName;
  /** The peak learning rate, already multiplied for the runs at ten times the base rate. */
  readonly learningRate: number;
  /** Steps planned; the schedule ends there. */
  readonly steps: number;
  /** Initial parameters and batches depend on the seed alone, not on the optimizer. */
  readonly seed: number;
  readonly corpus: Corpus;
  readonly quick: boolean;
  readonly device: string;
}

/** What one step gave. */
export interface StepResult {
  /** Training loss of the step's batch, before the update, in nats per character. */
  readonly loss: number;
  /** Largest |new - old| over all parameters. */
  readonly maxUpdate: number;
  /** Root mean square of new - old over all parameters. */
  readonly rmsUpdate: number;
}

/** A model in training. */
export interface Training {
  step(): StepResult | Promise<StepResult>;
  /** Loss on fixed batches of the validation part, in nats per character. */
  validationLoss(): number | Promise<number>;
  /** Text that the model writes. */
  sample(characters: number): string | Promise<string>;
}

export type StartTraining = (settings: RunSettings) => Training | Promise<Training>;

/** A run's place in the plan. */
export interface PlannedRun {
  readonly name: string;
  readonly scale: RunRecord["scale"];
  readonly settings: RunSettings;
}

/** What the caller sees and decides while a run goes on. */
export interface RunObserver {
  onStep(step: number, loss: number, stepsPerSecond: number): void;
  interrupted(): boolean;
}

/** So often, in milliseconds, other events such as Ctrl-C get their turn. */
const TURN = 50;
const SAMPLE_CHARACTERS = 400;

/**
 * Runs one training to its end, to an interruption, or to the first loss that is not finite. Time is
 * counted in training steps only.
 */
export async function performRun(
  { name, scale, settings }: PlannedRun,
  start: StartTraining,
  observer: RunObserver,
): Promise<RunRecord> {
  const { steps, quick } = settings;
  const every = Math.max(1, Math.round(steps / (quick ? 4 : 10)));
  const losses: number[] = [];
  const maxUpdate: number[] = [];
  const rmsUpdate: number[] = [];
  const validation: { step: number; loss: number }[] = [];
  let seconds = 0;
  let turned = performance.now();
  const letOthersRun = async (): Promise<void> => {
    if (performance.now() - turned < TURN) return;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    turned = performance.now();
  };

  const training = await start(settings);
  const validate = async (step: number): Promise<void> => {
    validation.push({ step, loss: await training.validationLoss() });
    await letOthersRun();
  };
  let status: RunRecord["status"] = "complete";
  await validate(0);
  while (losses.length < steps) {
    if (observer.interrupted()) {
      status = "partial";
      break;
    }
    const before = performance.now();
    const result = await training.step();
    seconds += (performance.now() - before) / 1000;
    losses.push(result.loss);
    maxUpdate.push(result.maxUpdate);
    rmsUpdate.push(result.rmsUpdate);
    observer.onStep(losses.length, result.loss, losses.length / seconds);
    await letOthersRun();
    if (!Number.isFinite(result.loss)) {
      status = "diverged";
      break;
    }
    const due = losses.length % every === 0 || losses.length === steps;
    if (due && !observer.interrupted()) await validate(losses.length);
  }
  const record: RunRecord = {
    name,
    optimizer: settings.optimizer,
    learningRate: settings.learningRate,
    scale,
    steps,
    losses,
    validation,
    maxUpdate,
    rmsUpdate,
    seconds,
    status,
  };
  if (status !== "complete" || observer.interrupted()) return record;
  return { ...record, sample: await training.sample(SAMPLE_CHARACTERS) };
}
