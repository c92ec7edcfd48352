/** A value in a message: short, and right for whatever JavaScript has. */
export function describe(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "string") {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value);
  }
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) {
    const name: unknown = value.constructor?.name;
    if (typeof name !== "string" || /^(Object)?$/.test(name)) return "an object";
    return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
  }
  return String(value);
}

/** As `describe`, with the elements of a short array. */
export function describeList(value: unknown): string {
  if (!Array.isArray(value) || value.length > 16) return describe(value);
  return `[${value.map(describe).join(", ")}]`;
}

/** Whether a value is an object made by `{}` or without a prototype: not an array, a class instance, ... */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
