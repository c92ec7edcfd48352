/** Instructions that take many times as long as an addition. */
export const slow: ReadonlySet<string> = new Set([
  "cbrt",
  "rcbrt",
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "tanh",
  "logistic",
  "erf",
  "pow",
  "rem",
]);
