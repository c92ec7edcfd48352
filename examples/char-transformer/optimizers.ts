/** The optimizers that the demo compares: the name on the command line, and what it stands for. */
export const OPTIMIZERS = {
  "adamw": "AdamW, betas 0.9, 0.999",
  "adamw-0.95": "AdamW, betas 0.9, 0.95",
  "adamw-equal": "AdamW, betas 0.95, 0.95",
  "s3": "S3, beta 0.95, order 3",
} as const;

export type OptimizerName = keyof typeof OPTIMIZERS;

export const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as OptimizerName[];
