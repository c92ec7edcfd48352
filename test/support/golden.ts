import { readFileSync } from "node:fs";
import { root } from "./files.ts";

/** A file of test/golden; NaN and the infinities are numbers again. The caller knows its type. */
export function readGolden<T>(name: string): T {
  const names: Record<string, number> = { NaN, Infinity, "-Infinity": -Infinity };
  return JSON.parse(
    readFileSync(`${root}test/golden/${name}`, "utf8"),
    (_, value) => typeof value === "string" ? names[value] ?? value : value,
  );
}

/** Nested arrays of numbers in objects, as the golden files hold trees of tensors. */
export type NumberTree = number | readonly NumberTree[] | { readonly [key: string]: NumberTree };
