/** A mistake of the person at the command line: one line on stderr, exit status 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Why a file system call failed, in words that need no manual. */
export function fileReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reasons: Record<string, string> = {
    ENOENT: "no such file or directory",
    EISDIR: "it is a directory",
    ENOTDIR: "a part of the path is not a directory",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENAMETOOLONG: "the name is too long",
    ELOOP: "too many symbolic links",
  };
  return reasons[code] ?? (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
