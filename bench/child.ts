/**
 * Other processes that are timed. Requests and replies are lines: `prepare NAME KEY=NUMBER ...`, `sample MILLISECONDS`
 * and `release`, each answered by one line of JSON; lines that do not begin with a brace are the process's own talk.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Readiness, Runner } from "./runner.ts";

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

type Reply = Readonly<Record<string, unknown>>;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LONGEST_WAIT = 300_000;

/** The command that runs a script under this runtime, or under the one that `runtime` starts. */
export function childCommand(
  script: URL,
  args: readonly string[] = [],
  runtime: Command = [process.execPath],
): Command {
  const path = fileURLToPath(script);
  const name = runtime.at(-1)!;
  const before = /deno/.test(name)
    ? ["run", "--allow-all", "--config", `${ROOT}deno.json`]
    : /bun/.test(name)
    ? []
    : ["--import", "tsx"];
  return [...runtime, ...before, path, ...args] as [string, ...string[]];
}

/** A process that answers requests, started at the first of them. */
export function childRunner(name: string, command: Command, freshCommand?: Command): Runner {
  let child: Conversation | undefined;
  const ask = async (request: string): Promise<Reply> => {
    child ??= converse(command);
    try {
      return await child.ask(request);
    } catch (error) {
      child.close();
      child = undefined;
      throw error;
    }
  };
  return {
    name,
    async prepare(kind, numbers) {
      const extents = Object.entries(numbers).map(([key, value]) => `${key}=${value}`);
      return await ask(["prepare", kind, ...extents].join(" ")) as unknown as Readiness;
    },
    async sample(milliseconds) {
      return (await ask(`sample ${milliseconds}`)).median as number;
    },
    async release() {
      if (child !== undefined) await ask("release");
    },
    ...(freshCommand && { fresh: (kind) => runOnce([...freshCommand, "fresh", kind]) }),
    close: () => child?.close(),
  };
}

/** Runs a program to its end and reads the JSON that it prints. */
export async function runOnce(command: Command): Promise<Record<string, number>> {
  const conversation = converse(command);
  try {
    return await conversation.ask() as Record<string, number>;
  } finally {
    conversation.close();
  }
}

interface Conversation {
  /** The next line of JSON, after sending a request if there is one. */
  ask(request?: string): Promise<Reply>;
  close(): void;
}

function converse([program, ...args]: Command): Conversation {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(program, args, {
    cwd: ROOT,
    env: process.env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let trouble = "";
  let settle: { resolve(reply: Reply): void; reject(error: Error): void } | undefined;
  const fail = (reason: string) => settle?.reject(new Error(reason));
  child.stderr.on("data", (text) => trouble = (trouble + text).slice(-4000));
  child.stdin.on("error", () => {}); // "close" tells
  child.on("error", (error) => fail(error.message));
  child.on("close", (code) => fail(lastWords(trouble) ?? `the process ended with status ${code}`));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) settle?.resolve(JSON.parse(line));
  });
  return {
    async ask(request) {
      if (child.exitCode !== null) throw new Error(lastWords(trouble) ?? "the process has ended");
      let timer;
      try {
        return await new Promise<Reply>((resolve, reject) => {
          settle = { resolve, reject };
          timer = setTimeout(() => fail("no answer in time"), LONGEST_WAIT);
          if (request !== undefined) child.stdin.write(`${request}\n`);
        });
      } finally {
        clearTimeout(timer);
        settle = undefined;
      }
    },
    close: () => void child.kill(),
  };
}

/** The line of an error's text that says most. */
function lastWords(text: string): string | undefined {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
}
