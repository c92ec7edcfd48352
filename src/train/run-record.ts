/** What was measured in one training run. */
export interface RunRecord {
  /** The run's own name, such as "s3 10x". */
  readonly name: string;
  /** The optimizer's short name; equal names share a colour in a report. */
  readonly optimizer: string;
  /** The (peak) learning rate. */
  readonly learningRate: number;
  /** Which group of runs it is compared in: the base learning rate or ten times it. */
  readonly scale: "base" | "10x";
  /** Steps planned. */
  readonly steps: number;
  /** The training loss of each completed step. */
  readonly losses: readonly number[];
  /** Validation losses; `step` counts the steps completed before each measurement. */
  readonly validation: readonly { readonly step: number; readonly loss: number }[];
  /** The largest change of any parameter in each completed step, learning rate included. */
  readonly maxUpdate: readonly number[];
  /** The root mean square change over all parameters in each completed step. */
  readonly rmsUpdate: readonly number[];
  /** Time spent in training steps, without validation, in seconds. */
  readonly seconds: number;
  /** Text generated after training. */
  readonly sample?: string;
  /** Whether all steps were done, the run was interrupted, or its loss stopped being finite. */
  readonly status: "complete" | "partial" | "diverged";
}
