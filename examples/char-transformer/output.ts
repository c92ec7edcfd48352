import {
  accessSync,
  closeSync,
  constants,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileReason, UsageError } from "./usage-error.ts";

/** A file that is known to be writable. */
export interface Output {
  readonly path: string;
  /** Replaces the file as a whole: a reader sees the old page or the new one, never a part. */
  write(content: string): void;
}

/**
 * Makes sure that a file can be written, before hours of training rely on it.
 *
 * @throws {UsageError} If the folder is missing or read-only, or the path is not a regular file.
 */
export function openOutput(path: string): Output {
  const fail = (reason: string): never => {
    throw new UsageError(`--out: cannot write ${JSON.stringify(path)}: ${reason}`);
  };
  let target = path;
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) fail("it is a directory");
    // renaming would replace a device such as /dev/null
    if (found !== undefined && !found.isFile()) fail("it is not a regular file");
    if (found !== undefined) {
      accessSync(path, constants.W_OK);
      target = realpathSync(path); // renaming onto a symbolic link would replace the link
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    fail(fileReason(error));
  }
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    closeSync(openSync(temporary, "wx"));
    rmSync(temporary);
  } catch (error) {
    fail(fileReason(error));
  }
  return {
    path,
    write: (content) => {
      try {
        writeFileSync(temporary, content);
        renameSync(temporary, target);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    },
  };
}
