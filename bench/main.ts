/**
 * Times softstep beside other libraries in one run: all take turns, medians of several rounds. See README.md and
 * `--help`.
 */
import { writeFileSync } from "node:fs";
import { arch, cpus, totalmem } from "node:os";
import process from "node:process";
import { ratioChart } from "./chart.ts";
import { isAsynchronous, openDevice } from "./devices.ts";
import { gpuTrafficRunner } from "./gpu-traffic.ts";
import { handWrittenRunner } from "./hand-written.ts";
import { InputError } from "./input-error.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { peerRunners } from "./peers/runners.ts";
import { caseTable, remarks } from "./report.ts";
import type { Row } from "./results.ts";
import { runAll } from "./run.ts";
import { softstepRunner } from "./runner.ts";

async function main(words: string[]): Promise<void> {
  if (words.includes("--help")) return console.log(USAGE);
  const options = readOptions(words);
  if (options.threads !== undefined) {
    process.env.SOFTSTEP_THREADS = process.env.OMP_NUM_THREADS = String(options.threads);
  }
  const devices = [];
  for (const word of options.devices) devices.push(await openDevice(word));
  const peers = options.peers ? peerRunners(options) : { runners: [], missing: [] };
  const own = devices.map(softstepRunner);
  const traffic = devices.some(({ name }) => isAsynchronous(name))
    ? [await gpuTrafficRunner()]
    : [];
  const runners = [...own, ...traffic, handWrittenRunner(), ...peers.runners];
  const names = runners.map(({ name }) => name);
  const machine = describeMachine();
  console.log(Object.values(machine).join(", "));
  for (const { name, description } of devices) console.log(`${name}: ${description}`);
  for (const line of peers.missing) console.log(`without ${line}`);

  const rows: Row[] = [];
  try {
    let group: Row[] = [];
    const show = () => {
      if (group.length === 0) return;
      console.log(`\n${group[0]!.title}\n${caseTable(group, names)}`);
      group.flatMap(remarks).forEach((line) => console.log(line));
      group = [];
    };
    for await (const row of runAll(runners, options)) {
      if (group.length > 0 && group[0]!.case !== row.case) show();
      group.push(row);
      rows.push(row);
    }
    show();
  } finally {
    for (const runner of runners) runner.close();
  }
  write(options, { machine, options, rows }, names);
}

function write(
  options: Options,
  everything: Record<string, unknown> & { readonly rows: readonly Row[] },
  names: string[],
): void {
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(everything, null, 2)}\n`);
  }
  if (options.svg !== undefined) {
    writeFileSync(options.svg, ratioChart(everything.rows, names));
  }
}

function describeMachine() {
  const { deno, bun, node } = process.versions;
  return {
    runtime: deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`,
    processor: `${arch()}, ${cpus()[0]?.model.trim() ?? "unknown"}`,
    cores: `${cpus().length} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
}
