import { checkNumber, checkType } from "../core/options.ts";

/** Below this size plain decimals carry more zeros than digits. */
const SMALLEST_PLAIN = 1e-4;
const LARGEST_PLAIN = 1e9;

/**
 * Writes a number with a fixed count of significant digits, the way a person would.
 *
 * Plain decimals between 1e-4 and 1e9, an exponent outside; whole digits are never cut off. NaN and
 * the infinities are written as such.
 *
 * @example
 * ```ts
 * import { formatNumber } from "softstep";
 *
 * console.log(formatNumber(1.23456)); // => 1.235
 * console.log(formatNumber(0.00001234)); // => 1.234e-5
 * console.log(formatNumber(NaN)); // => NaN
 * ```
 *
 * @param value The number.
 * @param digits Significant digits, an integer from 1 to 100.
 * @returns The text.
 * @throws {OptionError} If `value` is no number, or `digits` not an integer from 1 to 100.
 */
export function formatNumber(value: number, digits: number = 4): string {
  checkType("formatNumber", "value", value, "number");
  checkNumber(
    "formatNumber",
    "digits",
    digits,
    (count) => Number.isInteger(count) && count >= 1 && count <= 100,
    "an integer from 1 to 100",
  );
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(Number(value.toPrecision(digits)));
  if (size < SMALLEST_PLAIN || size >= Math.max(LARGEST_PLAIN, 10 ** digits)) {
    return value.toExponential(digits - 1).replace("e+", "e");
  }
  return size >= 10 ** digits ? value.toFixed(0) : value.toPrecision(digits);
}

/**
 * Writes a count with its thousands separated: 1234567 becomes "1,234,567".
 *
 * @example
 * ```ts
 * import { formatCount } from "softstep";
 *
 * console.log(formatCount(1234567)); // => 1,234,567
 * ```
 *
 * @param value The count; a fraction is rounded.
 * @returns The text; NaN and the infinities as such.
 * @throws {OptionError} If `value` is no number.
 */
export function formatCount(value: number): string {
  checkType("formatCount", "value", value, "number");
  if (!Number.isFinite(value)) return String(value);
  return value.toFixed(0).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/**
 * Writes a time as minutes and seconds ("0:07"), with hours where there are any ("1:02:03").
 *
 * @example
 * ```ts
 * import { formatDuration } from "softstep";
 *
 * console.log(formatDuration(67)); // => 1:07
 * ```
 *
 * @param seconds The time in seconds, rounded to whole ones.
 * @returns The text; "-:--" for a time that is not known (negative, NaN or infinite).
 * @throws {OptionError} If `seconds` is no number.
 */
export function formatDuration(seconds: number): string {
  checkType("formatDuration", "seconds", seconds, "number");
  if (!Number.isFinite(seconds) || seconds < 0) return "-:--";
  const total = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  const tail = two(total % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}
