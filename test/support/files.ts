import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at its end. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** The files below a folder of the repository whose names end in `ending`, as sorted repository paths. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(root + folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(path, ending);
      return entry.name.endsWith(ending) ? [path] : [];
    })
    .sort();
}
