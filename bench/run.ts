import type { FreshCase, Numbers } from "./case.ts";
import { cases, freshCases } from "./cases/mod.ts";
import type { Options } from "./options.ts";
import { median, type Result, type Row } from "./results.ts";
import type { Runner } from "./runner.ts";

type Absent = Row["absent"][number];

/** Times all cases, giving each row as soon as it is there. The first runner is the one that others are held against. */
export async function* runAll(runners: readonly Runner[], options: Options): AsyncGenerator<Row> {
  const isWanted = ({ name }: { name: string }) =>
    options.only.length === 0 || options.only.includes(name);
  for (const { name, title, sizes, measure } of cases.filter(isWanted)) {
    for (const { label, level, numbers } of sizes) {
      if (level > options.level) continue;
      const { results, absent } = await runSize(runners, name, numbers, options);
      const first = results[0]?.runner === runners[0]!.name ? results[0] : undefined;
      const rate = measure && first &&
        { label: measure.label, value: measure.of(numbers, first.median) };
      yield { case: name, title, size: label, ...(rate && { rate }), results, absent };
    }
  }
  for (const each of freshCases.filter(isWanted)) yield* runFresh(runners, each, options);
}

/** All libraries get ready, warm up, and take turns. */
async function runSize(
  runners: readonly Runner[],
  name: string,
  numbers: Numbers,
  { rounds, milliseconds }: Options,
): Promise<{ results: Result[]; absent: Absent[] }> {
  const taking = new Map<Runner, { times: number[]; check?: number; note?: string }>();
  const absent: Absent[] = [];
  const drop = (runner: Runner, reason: string, failed: boolean) => {
    taking.delete(runner);
    absent.push({ runner: runner.name, reason, failed });
  };
  const attempt = async (runner: Runner, action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      drop(runner, (error as Error).message, true);
    }
  };
  for (const runner of runners) {
    await attempt(runner, async () => {
      const reply = await runner.prepare(name, numbers);
      if (!reply.ready) return drop(runner, reply.reason, false);
      const { ready: _, ...said } = reply;
      taking.set(runner, { times: [], ...said });
      await runner.sample(milliseconds / 2);
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [runner, { times }] of [...taking]) {
      await attempt(runner, async () => void times.push(await runner.sample(milliseconds)));
    }
  }
  for (const runner of runners) await attempt(runner, () => runner.release());
  const results = [...taking].map(([{ name }, { times, check, note }]): Result => ({
    runner: name,
    median: median(times),
    rounds: times,
    ...(note !== undefined && { note }),
    ...(check !== undefined && { check }),
  }));
  return { results, absent };
}

async function* runFresh(
  runners: readonly Runner[],
  { name, title, parts }: FreshCase,
  { rounds }: Options,
): AsyncGenerator<Row> {
  const found = new Map<string, Record<string, number>[]>();
  const absent: Absent[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) {
      if (runner.fresh === undefined || absent.some((each) => each.runner === runner.name)) {
        continue;
      }
      try {
        const times = await runner.fresh(name);
        found.set(runner.name, [...(found.get(runner.name) ?? []), times]);
      } catch (error) {
        found.delete(runner.name);
        absent.push({ runner: runner.name, reason: (error as Error).message, failed: true });
      }
    }
  }
  for (const { key, label } of parts) {
    const results = [...found].map(([runner, times]): Result => {
      const rounds = times.map((each) => each[key]! * 1e6);
      return { runner, median: median(rounds), rounds };
    });
    yield { case: name, title, size: label, results, absent };
  }
}
