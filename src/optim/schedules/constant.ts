import { checkNumber } from "../../core/options.ts";
import { numberLike } from "../../primitives/mod.ts";
import { type Schedule, toCount } from "./schedule.ts";

/**
 * The same value at every step.
 *
 * @throws {OptionError} if the value is no finite number.
 *
 * @example
 * ```ts
 * import { constantSchedule } from "softstep";
 *
 * console.log(constantSchedule(0.5)(100).item()); // => 0.5
 * ```
 */
export function constantSchedule(value: number): Schedule {
  checkNumber("constantSchedule", "value", value, Number.isFinite, "a finite number");
  return (count) => numberLike(value, toCount("constantSchedule", count));
}
