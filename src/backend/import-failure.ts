/**
 * Why an optional package did not load, to be written behind its name. What runtimes say of one that is not there has
 * nothing more to tell than where they looked.
 */
export function importFailure(name: string, error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  const line = (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
  const isMissing = String(code).endsWith("MODULE_NOT_FOUND") &&
    (line.includes(`'${name}'`) || line.includes(`"${name}"`));
  return isMissing ? "is not installed" : `does not load (${line})`;
}
