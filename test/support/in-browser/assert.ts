/** node:assert/strict in a page, as far as tests use it; a test holds it against Node's. */

/** Like Node's error of this name. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

type Message = string | Error | undefined;

type Expected =
  | RegExp
  | ((error: Error) => boolean)
  | (new (...args: never[]) => Error);

function failWith(message: Message, otherwise: () => string): never {
  if (message instanceof Error) throw message;
  throw new AssertionError(message ?? otherwise());
}

/** Refuses what is not truthy. */
export function ok(value: unknown, message?: Message): asserts value {
  if (!value) failWith(message, () => `${show(value)} is not truthy`);
}

/** Fails. */
export function fail(message?: Message): never {
  failWith(message, () => "Failed");
}

/** Refuses what is not the same. */
export function equal(actual: unknown, expected: unknown, message?: Message): void {
  if (!Object.is(actual, expected)) {
    failWith(message, () => `${show(actual)} is not ${show(expected)}`);
  }
}

/** Refuses what is the same. */
export function notEqual(actual: unknown, expected: unknown, message?: Message): void {
  if (Object.is(actual, expected)) failWith(message, () => `${show(actual)}, expected another`);
}

/** Refuses what differs in type, keys or elements. */
export function deepEqual(actual: unknown, expected: unknown, message?: Message): void {
  const path = difference(actual, expected, "");
  if (path === undefined) return;
  failWith(message, () => `${show(actual)} is not ${show(expected)}, at "${path}"`);
}

/** Refuses what differs in nothing of that. */
export function notDeepEqual(actual: unknown, expected: unknown, message?: Message): void {
  if (difference(actual, expected, "") === undefined) {
    failWith(message, () => `${show(actual)}, expected another`);
  }
}

/** Refuses text without a match. */
export function match(text: string, pattern: RegExp, message?: Message): void {
  if (!pattern.test(text)) failWith(message, () => `${show(text)} does not match ${pattern}`);
}

/** Refuses text with a match. */
export function doesNotMatch(text: string, pattern: RegExp, message?: Message): void {
  if (pattern.test(text)) failWith(message, () => `${show(text)} matches ${pattern}`);
}

/** Refuses a function that does not throw, or throws something else. */
export function throws(f: () => unknown, expected?: Expected): void {
  let thrown: { error: unknown } | undefined;
  try {
    f();
  } catch (error) {
    thrown = { error };
  }
  if (thrown === undefined) failWith(undefined, () => `${f} did not throw`);
  checkError(thrown.error, expected);
}

/** Refuses a function that throws. */
export function doesNotThrow(f: () => unknown): void {
  f();
}

/** Refuses a promise that is fulfilled, or rejected with something else. */
export async function rejects(
  promise: Promise<unknown> | (() => Promise<unknown>),
  expected?: Expected,
): Promise<void> {
  let thrown: { error: unknown } | undefined;
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    thrown = { error };
  }
  if (thrown === undefined) failWith(undefined, () => "the promise was not rejected");
  checkError(thrown.error, expected);
}

function checkError(error: unknown, expected: Expected | undefined): void {
  if (expected === undefined) return;
  if (expected instanceof RegExp) {
    if (expected.test(String(error))) return;
  } else if (expected === Error || expected.prototype instanceof Error) {
    if (error instanceof expected) return;
  } else if ((expected as (error: unknown) => unknown)(error) === true) return;
  throw new AssertionError(`${String(error)} is not the error that was expected, ${expected}`, {
    cause: error,
  });
}

/** Where two values differ, as a path; undefined where they do not. */
function difference(a: unknown, b: unknown, path: string): string | undefined {
  if (Object.is(a, b)) return undefined;
  const areObjects = typeof a === "object" && typeof b === "object" && a !== null && b !== null;
  if (!areObjects || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return path;
  // Nothing that tests compare is one, and this would take any two of them for equal.
  if (a instanceof Map || a instanceof Set || a instanceof Date || a instanceof ArrayBuffer) {
    throw new AssertionError(`deepEqual does not know ${a}`);
  }
  const keys = Object.keys(a);
  const lengths = [a, b].map((each) => (each as { length?: unknown }).length);
  if (keys.length !== Object.keys(b).length || lengths[0] !== lengths[1]) return path;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return `${path}.${key}`;
    const [left, right] = [a, b].map((each) => (each as Record<string, unknown>)[key]);
    const found = difference(left, right, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const mostCharacters = 500;

function show(value: unknown): string {
  const text = typeof value === "object" && value !== null
    ? JSON.stringify(value, (_, each) => ArrayBuffer.isView(each) ? listOf(each) : plain(each))
    : String(value);
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}...` : text;
}

const listOf = (view: ArrayBufferView): unknown[] =>
  Array.from(view as unknown as ArrayLike<unknown>, plain);

/** What JSON has no word for. */
const plain = (value: unknown): unknown =>
  typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? Object.is(value, -0) ? "-0" : String(value)
    : typeof value === "bigint" || typeof value === "function" || value === undefined
    ? String(value)
    : value;

const assert: typeof ok & {
  ok: typeof ok;
  fail: typeof fail;
  equal: typeof equal;
  notEqual: typeof notEqual;
  deepEqual: typeof deepEqual;
  notDeepEqual: typeof notDeepEqual;
  match: typeof match;
  doesNotMatch: typeof doesNotMatch;
  throws: typeof throws;
  doesNotThrow: typeof doesNotThrow;
  rejects: typeof rejects;
} = Object.assign(
  (value: unknown, message?: Message) => ok(value, message),
  {
    ok,
    fail,
    equal,
    notEqual,
    deepEqual,
    notDeepEqual,
    match,
    doesNotMatch,
    throws,
    doesNotThrow,
    rejects,
  },
);

export default assert;
