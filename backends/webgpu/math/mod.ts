import type { FunctionText } from "../function-text.ts";
import { cubeRootFunctions } from "./cube-root.ts";
import { exponentialFunctions } from "./exponential.ts";
import { logarithmFunctions } from "./logarithm.ts";
import { powerFunctions } from "./power.ts";
import { trigonometricFunctions } from "./trigonometric.ts";

/**
 * Elementary functions of float32. WGSL's own may be wrong by thousands of units in the last place (log near 1, exp of
 * large numbers, pow of negative ones), and differ from driver to driver. These need no more than correctly rounded
 * +, - and *, a division within 2.5 units, and no compiler that reorders sums; they hold with and without fused
 * multiply-add. Within so many units in the last place, except that devices may flush subnormal numbers to zero:
 *
 * | exp | expm1 | log | log1p | tanh | logistic | erf | cbrt, rcbrt | sin, cos | pow |
 * |-----|-------|-----|-------|------|----------|-----|-------------|----------|-----|
 * | 1.5 | 2     | 1.5 | 2     | 2    | 4        | 2   | 1.5         | 2.5      | 2   |
 */
export const mathFunctions: Readonly<Record<string, FunctionText>> = {
  ...cubeRootFunctions,
  ...exponentialFunctions,
  ...logarithmFunctions,
  ...powerFunctions,
  ...trigonometricFunctions,
};
