import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childRunner } from "../child.ts";
import type { Runner } from "../runner.ts";

/** The C loops, compiled for this machine, and the memory traffic of the same arrays. Throws where there is no cc. */
export function nativeRunners(): Runner[] {
  const folder = mkdtempSync(join(tmpdir(), "softstep-bench-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const program = join(folder, "roofline");
  const source = fileURLToPath(new URL("./roofline.c", import.meta.url));
  // Signs of zero and NaN do not matter to a bound, and hinder vectors.
  const flags = ["-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"];
  const { status, stderr, error } = spawnSync(
    "cc",
    [...flags, "-fno-signed-zeros", "-ffinite-math-only", source, "-lm", "-o", program],
    { encoding: "utf8" },
  );
  if (status !== 0) {
    remove();
    throw new Error(error?.message ?? stderr.trim().split("\n")[0]);
  }
  const [loops, traffic] = [
    childRunner("C", [program]),
    childRunner("C traffic", [program, "traffic"]),
  ];
  const close = () => {
    loops!.close();
    remove();
  };
  return [{ ...loops!, close }, traffic!];
}
