import { readdirSync, readFileSync } from "node:fs";
import { fileReason, UsageError } from "./usage-error.ts";

/** Leaves a validation part of at least 200 characters. */
export const MINIMUM_CHARACTERS = 2000;

const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
const FOLDERS = ["examples", "bench", "backends", "src"];

/**
 * This repository's own documents and TypeScript sources, in an order that does not depend on the
 * file system: documents first, then folder by folder, by name.
 */
export function repositoryText(root: URL = new URL("../../", import.meta.url)): string {
  const parts: string[] = [];
  const addFile = (file: URL): void => {
    parts.push(readFileSync(file, "utf8").replaceAll("\r\n", "\n"));
  };
  const addFolder = (folder: URL): void => {
    const entries = readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => a.name < b.name ? -1 : 1);
    for (const entry of entries) {
      const path = encodeURIComponent(entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== "node_modules") addFolder(new URL(`${path}/`, folder));
      } else if (entry.name.endsWith(".ts")) addFile(new URL(path, folder));
    }
  };
  const present = new Map(
    readdirSync(root, { withFileTypes: true }).map((entry) => [entry.name, entry]),
  );
  for (const name of DOCUMENTS) if (present.get(name)?.isFile()) addFile(new URL(name, root));
  for (const name of FOLDERS) {
    if (present.get(name)?.isDirectory()) addFolder(new URL(`${name}/`, root));
  }
  return parts.join("\n");
}

/**
 * Reads a text file.
 *
 * @throws {UsageError} If it cannot be read, is empty, is not UTF-8, or is too short to learn from.
 */
export function readTextFile(path: string): string {
  const shown = JSON.stringify(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`--text: cannot read ${shown}: ${fileReason(error)}`);
  }
  if (bytes.length === 0) throw new UsageError(`--text: ${shown} is empty`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll("\r\n", "\n");
  } catch {
    throw new UsageError(`--text: ${shown} is not UTF-8 text`);
  }
  const characters = Array.from(text).length;
  if (characters < MINIMUM_CHARACTERS) {
    throw new UsageError(
      `--text: ${shown} has ${characters} characters, expected at least ${MINIMUM_CHARACTERS}`,
    );
  }
  return text;
}
