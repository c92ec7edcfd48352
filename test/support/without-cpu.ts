import { backendOf, registerDevice } from "../../src/backend/registry.ts";

/** Runs f, to the end of its promise if it gives one, while every use of the default device is an error. */
export function withoutCpu<Result>(f: () => Result): Result {
  const cpu = backendOf("test", "cpu");
  const restore = () => registerDevice("cpu", () => cpu);
  registerDevice("cpu", () => {
    throw new Error("the device cpu was used");
  });
  let result: Result;
  try {
    result = f();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.finally(restore) as Result;
  restore();
  return result;
}
