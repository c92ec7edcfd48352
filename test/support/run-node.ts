// "npm test": Node 20 knows no globs after --test, and shells differ, so the files are found here.
// Arguments that start with "-" go to Node; the others select files whose path contains one of them.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { filesBelow } from "./files.ts";

const args = process.argv.slice(2);
const flags = args.filter((arg) => arg.startsWith("-"));
const patterns = args.filter((arg) => !arg.startsWith("-"));
const files = filesBelow("test", ".test.ts").filter((file) =>
  patterns.length === 0 || patterns.some((pattern) => file.includes(pattern))
);
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(" ")}`);
  process.exit(2);
}
const run = spawnSync(process.execPath, ["--import", "tsx", ...flags, "--test", ...files], {
  stdio: "inherit",
});
process.exit(run.status ?? 1);
